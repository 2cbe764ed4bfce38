import { useState } from 'preact/hooks';

/** A change that cannot be undone asks in place, without a dialog. */
export function Confirm({ word, question, act }: { word: string; question: string; act: () => void }) {
  const [asking, setAsking] = useState(false);
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
