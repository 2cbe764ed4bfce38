import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { send } from '../../api/client';
import type { ApiToken, List, MintedApiToken } from '../../api/shapes';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Confirm } from '../../ui/confirm';
import { Copy } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { Lifetimes, secondsOf } from './lifetime';

const ROLES = ['viewer', 'developer', 'approver', 'administrator'];

export function Tokens() {
  const resource = useData<List<ApiToken>>('/tokens');
  const [minted, setMinted] = useState<MintedApiToken | null>(null);
  const { problem, busy, act } = useAct();
  const revoke = (token: ApiToken): void =>
    void act(async () => {
      await send('DELETE', `/tokens/${encodeURIComponent(token.id)}`);
      announcement.value = `Token ${token.name} revoked`;
      if (minted?.info.id === token.id) setMinted(null);
      await resource.reload();
    });
  const mint = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = new FormData(form);
    const body = {
      name: String(values.get('name')).trim(),
      role: String(values.get('role')),
      ttl_seconds: secondsOf(values) ?? undefined,
    };
    void act(async () => {
      setMinted(await send<MintedApiToken>('POST', '/tokens', body));
      form.reset();
      await resource.reload();
    });
  };
  return (
    <>
      <p class="lead">
        A bot, a script or a person without a browser shows an API token to this API. What is done with it is done under
        its name: give each person who answers held calls from a chat a token of their own.
      </p>
      <form class="line-form" onSubmit={mint}>
        <label>
          Name <input name="name" required maxLength={63} placeholder="chat of bob" />
        </label>
        <label>
          Role
          <select name="role">
            {ROLES.map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </label>
        <label>
          Valid for <Lifetimes />
        </label>
        <button type="submit" class="button primary" disabled={busy}>
          <Icon name="plus" /> New token
        </button>
      </form>
      <Problem text={problem} />
      {minted && (
        <div class="minted" role="status">
          <p>
            <b>{minted.info.name}</b>: copy the token now, it is not shown again.
          </p>
          <div class="command">
            <code>{minted.token}</code>
            <Copy text={minted.token} label="Copy the token" />
          </div>
          <button type="button" class="button small" onClick={() => setMinted(null)}>
            Done
          </button>
        </div>
      )}
      <Loaded resource={resource} rows={4}>
        {({ items }) =>
          items.length > 0 ? (
            <Table tokens={items} revoke={revoke} />
          ) : (
            <Empty title="No API tokens">
              <p>The administration token of the data folder works without one; it is everybody who can read it.</p>
            </Empty>
          )
        }
      </Loaded>
    </>
  );
}

function Table({ tokens, revoke }: { tokens: ApiToken[]; revoke: (token: ApiToken) => void }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Role</th>
          <th scope="col" class="mid">
            Token
          </th>
          <th scope="col" class="mid">
            Made by
          </th>
          <th scope="col" class="num mid">
            Made
          </th>
          <th scope="col" class="num">
            Ends
          </th>
          <th scope="col" class="num">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr key={token.id}>
            <th scope="row">{token.name}</th>
            <td>{token.role}</td>
            <td class="mid mono">mzt_…{token.last_four}</td>
            <td class="mid">{token.created_by}</td>
            <td class="num mid">
              <Ago at={token.created_at} />
            </td>
            <td class="num">{token.expires_at ? token.expires_at.slice(0, 10) : 'never'}</td>
            <td class="num">
              <Confirm
                least="administrator"
                word="Revoke"
                question={`Revoke ${token.name}?`}
                act={() => revoke(token)}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
