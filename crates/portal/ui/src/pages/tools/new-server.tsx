import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import type { NewTransport, ToolServer } from '../../api/tools';
import { navigate } from '../../location';
import { toolServerPath } from '../../router';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { ForRole } from '../../ui/role';
import { Choice } from '../../ui/tabs';
import { commandWords } from './words';

type Kind = NewTransport['kind'];

/** The two ways to reach a server. What is rarer (environment, OAuth, limits) is set on the command line. */
export function NewServer({ done }: { done: () => Promise<void> }) {
  const [kind, setKind] = useState<Kind>('stdio');
  const { problem, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const read = (name: string): string => String(values.get(name) ?? '').trim();
    void act(async () => {
      const path = `/tool-servers/${encodeURIComponent(read('name'))}`;
      await send<ToolServer>('PUT', path, { transport: transportOf(kind, read) });
      await done();
      navigate(toolServerPath(read('name')));
    });
  };
  return (
    <ForRole least="administrator" what="Adding a server">
      <form class="line-form spaced" onSubmit={submit}>
        <label>
          Name
          <input name="name" required autofocus maxLength={40} pattern="[a-z0-9\-]+" placeholder="files" />
        </label>
        <Choice<Kind>
          label="Transport"
          choices={[
            ['stdio', 'Command'],
            ['http', 'HTTP'],
          ]}
          chosen={kind}
          choose={setKind}
        />
        {kind === 'stdio' ? (
          <label class="grow">
            Command line
            <input name="command" required placeholder="npx -y @modelcontextprotocol/server-filesystem ." />
          </label>
        ) : (
          <>
            <label class="grow">
              Address
              <input name="url" type="url" required placeholder="https://tools.example/mcp" />
            </label>
            <label title="The name of a stored key; sent as a bearer token, never shown">
              Stored key
              <input name="secret" placeholder="none" />
            </label>
          </>
        )}
        <button type="submit" class="button primary" disabled={busy}>
          Add
        </button>
        <a class="button quiet" href="/tools">
          Cancel
        </a>
      </form>
      <Problem text={problem} />
    </ForRole>
  );
}

function transportOf(kind: Kind, read: (name: string) => string): NewTransport {
  if (kind === 'stdio') {
    const [command = '', ...args] = commandWords(read('command'));
    return { kind, command, args };
  }
  const secret = read('secret');
  const credential = secret ? { kind: 'header' as const, header: 'Authorization', prefix: 'Bearer ', secret } : null;
  return { kind, url: read('url'), credential };
}
