import { useState } from 'preact/hooks';
import { may, type Role } from '../api/session';

/** A change that cannot be undone asks in place, without a dialog. Who may not make it does not see it. */
export function Confirm({
  word,
  question,
  least,
  act,
}: {
  word: string;
  question: string;
  least: Role;
  act: () => void;
}) {
  const [asking, setAsking] = useState(false);
  if (!may(least)) return null;
  if (!asking) {
    return (
      <button type="button" class="button small quiet" onClick={() => setAsking(true)}>
        {word}
      </button>
    );
  }
  return (
    <span class="asking" role="group" aria-label={question}>
      <button type="button" class="button small danger" onClick={act}>
        {word}
      </button>
      <button type="button" class="button small" autofocus onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
