import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { send } from '../../api/client';
import type { List } from '../../api/shapes';
import type { ToolProfile } from '../../api/tools';
import { query, setQuery } from '../../location';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Copy } from '../../ui/copy';
import { Field, Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { ForRole, RoleButton } from '../../ui/role';
import { membersOf, membersText } from './words';

const PATH = '/tool-profiles';
const profilePath = (name: string): string => `${PATH}/${encodeURIComponent(name)}`;

/** Curated lists of tools, each at an address of its own. */
export function Profiles() {
  const profiles = useData<List<ToolProfile>>(PATH);
  const edited = query.value.get('profile');
  const items = profiles.data.value?.items;
  return (
    <section class="block">
      <h2>
        Profiles
        <span class="spacer" />
        <RoleButton least="administrator" class="button small" onClick={() => setQuery({ profile: '' }, true)}>
          <Icon name="plus" /> New profile
        </RoleButton>
      </h2>
      {edited !== null && items && (
        <ProfileForm key={edited} known={items.find(({ name }) => name === edited) ?? null} done={profiles.reload} />
      )}
      <Loaded resource={profiles} rows={2}>
        {(list) =>
          list.items.length === 0 ? (
            <p class="calm">
              <Icon name="plug" />
              <span>
                None: agents see what they may use at <code>/mcp</code>. A profile is a curated list at an address of
                its own.
              </span>
            </p>
          ) : (
            <Table items={list.items} reload={profiles.reload} />
          )
        }
      </Loaded>
    </section>
  );
}

function Table({ items, reload }: { items: ToolProfile[]; reload: () => Promise<void> }) {
  const { problem, act } = useAct();
  const remove = (name: string): void =>
    void act(async () => {
      await send('DELETE', profilePath(name));
      await reload();
    });
  return (
    <>
      <Problem text={problem} />
      <table class="rows" aria-label="Profiles">
        <thead>
          <tr>
            <th scope="col">Profile</th>
            <th scope="col">Address</th>
            <th scope="col" class="wide">
              Names
            </th>
            <th scope="col" class="mid">
              Shows
            </th>
            <th scope="col" class="num mid">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((profile) => (
            <tr key={profile.name}>
              <th scope="row">{profile.name}</th>
              <td>
                <span class="id">
                  <code>{profile.path}</code>
                  <Copy text={location.origin + profile.path} label={`Copy the address of ${profile.name}`} />
                </span>
              </td>
              <td class="wide">{profile.names}</td>
              <td class="mid clip" title={membersText(profile.servers)}>
                {membersText(profile.servers).replaceAll('\n', '; ') || 'nothing'}
              </td>
              <td class="num mid">
                {profile.source === 'file' ? (
                  <span class="faint">in mizzen.toml</span>
                ) : (
                  <span class="asking">
                    <RoleButton
                      least="administrator"
                      class="button small quiet"
                      onClick={() => setQuery({ profile: profile.name }, true)}
                    >
                      Change
                    </RoleButton>
                    <Confirm
                      least="administrator"
                      word="Remove"
                      question={`Remove ${profile.name}?`}
                      act={() => remove(profile.name)}
                    />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const NAMES: [ToolProfile['names'], string][] = [
  ['auto', 'Plain while no two are alike'],
  ['plain', 'As the servers name them'],
  ['prefixed', 'server__tool'],
];

function ProfileForm({ known, done }: { known: ToolProfile | null; done: () => Promise<void> }) {
  const [told, setTold] = useState('');
  const { problem, busy, act } = useAct();
  const close = (): void => setQuery({ profile: null });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const read = (name: string): string => String(values.get(name) ?? '').trim();
    const members = membersOf(read('servers'), known?.servers ?? []);
    if ('problem' in members) return setTold(members.problem);
    setTold('');
    void act(async () => {
      await send('PUT', profilePath(known?.name ?? read('name')), { names: read('names'), servers: members.servers });
      await done();
      close();
    });
  };
  return (
    <ForRole least="administrator" what="Making a profile">
      <form class="form framed" onSubmit={submit} aria-label={known ? `Change ${known.name}` : 'New profile'}>
        <div class="fields">
          {!known && (
            <Field label="Name">
              <input name="name" required autofocus maxLength={63} placeholder="support" />
            </Field>
          )}
          <Field label="Names of tools">
            <select name="names" defaultValue={known?.names ?? 'auto'}>
              {NAMES.map(([id, word]) => (
                <option key={id} value={id}>
                  {word}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <Field
          label="Servers and their tools"
          hint="One server a line, with patterns of its tools; without patterns all."
        >
          <textarea
            name="servers"
            rows={4}
            required
            class="mono"
            defaultValue={known ? membersText(known.servers) : ''}
            placeholder={'shop: get_*, refund_order\nfiles: read_file'}
          />
        </Field>
        <Problem text={told || problem} />
        <div class="form-foot">
          <button type="submit" class="button primary" disabled={busy}>
            {known ? 'Change it' : 'Make it'}
          </button>
          <button type="button" class="button quiet" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </ForRole>
  );
}
