import { useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { sendText, withQuery } from '../../api/client';
import type { PolicyPut } from '../../api/policies';
import { may } from '../../api/session';
import { navigate } from '../../location';
import { boundaryPath } from '../../router';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { useCheck } from './check';
import { TwoTexts } from './editor';
import { startingText } from './text';

export function NewBoundary() {
  const [name, setName] = useState('');
  const [reason, setReason] = useState('');
  const [typed, setText] = useState<string | null>(null);
  // The text follows the name until somebody writes in it.
  const text = typed ?? startingText(name.trim());
  const file = { name: `${name.trim() || 'new'}.yaml`, text };
  const checked = useCheck(file, null);
  const { problem, busy, act } = useAct();
  const isReady = name.trim() !== '' && checked.valid !== false && may('administrator');
  const make = (): void =>
    void act(async () => {
      const path = withQuery(`/boundaries/${encodeURIComponent(name.trim())}`, { reason: reason.trim() });
      // Whoever makes a new one must not overwrite one they do not know of.
      await sendText<PolicyPut>('PUT', path, text, { 'if-none-match': '*' });
      refresh((read) => read.startsWith('/boundaries'));
      navigate(boundaryPath(name.trim()));
    });
  return (
    <>
      <PageHead title="New boundary" up={{ href: '/boundaries', name: 'Boundaries' }} />
      <ForRole least="administrator" what="Making a boundary">
        <form
          class="line-form spaced"
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) make();
          }}
        >
          <label>
            Name
            <input
              name="name"
              required
              autofocus
              maxLength={63}
              placeholder="helm"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <label class="grow">
            Why
            <input
              name="reason"
              maxLength={200}
              placeholder="first try, only watched"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button primary" disabled={busy || !isReady}>
            Make it
          </button>
        </form>
        <Problem text={problem} />
        <TwoTexts file={file} checked={checked} onInput={setText} save={() => isReady && make()} />
      </ForRole>
    </>
  );
}
