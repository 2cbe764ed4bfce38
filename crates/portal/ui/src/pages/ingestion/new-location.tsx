import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import { setQuery } from '../../location';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { ForRole } from '../../ui/role';
import { Choice } from '../../ui/tabs';

type Kind = 'url' | 'file';

/** A place whose documents are read again and again. */
export function NewLocation({ done }: { done: () => Promise<void> }) {
  const [kind, setKind] = useState<Kind>('url');
  const { problem, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const target = String(new FormData(event.currentTarget as HTMLFormElement).get('target') ?? '').trim();
    void act(async () => {
      await send('POST', '/catalog/locations', { type: kind, target });
      await done();
      setQuery({ new: null });
    });
  };
  return (
    <ForRole least="administrator" what="Adding a location">
      <form class="line-form spaced" onSubmit={submit} aria-label="New location">
        <Choice<Kind>
          label="Kind"
          choices={[
            ['url', 'Address'],
            ['file', 'File'],
          ]}
          chosen={kind}
          choose={setKind}
        />
        <label class="grow">
          {kind === 'url' ? 'Address of the documents' : 'Path below the folder that is configured for files'}
          <input
            key={kind}
            name="target"
            type="text"
            inputMode={kind === 'url' ? 'url' : 'text'}
            spellcheck={false}
            required
            autofocus
            placeholder={kind === 'url' ? 'https://git.example/platform/catalog-info.yaml' : 'teams/platform/*.yaml'}
          />
        </label>
        <button type="submit" class="button primary" disabled={busy}>
          Add
        </button>
        <button type="button" class="button quiet" onClick={() => setQuery({ new: null })}>
          Cancel
        </button>
      </form>
      <Problem text={problem} />
    </ForRole>
  );
}
