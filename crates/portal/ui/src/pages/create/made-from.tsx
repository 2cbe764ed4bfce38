import { refresh, useData } from '../../api/cache';
import { isCatalog } from '../../api/catalog';
import type { CreatedEntity, TemplateUpdate } from '../../api/catalog-shapes';
import { send } from '../../api/client';
import type { List } from '../../api/shapes';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { splitReference } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { EntityLink, OwnerLink } from '../../ui/catalog';
import { Problem } from '../../ui/field';
import { Files } from '../../ui/files';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Loaded } from '../../ui/loaded';
import { ForRole } from '../../ui/role';
import { Ticked } from '../../ui/ticked';
import { Unified } from '../../ui/unified';
import { Empty } from '../../ui/waiting';
import { shortDigest } from '../eval/words';
import { changeMark, FOLDER_WORDS, ownerReference } from './words';

/** Everything that was made from a template, how far it is behind, and its update. */
export function MadeFrom({ path }: { path: string }) {
  const created = useData<List<CreatedEntity>>(`${path}/created`);
  const of = query.value.get('of');
  return (
    <Loaded resource={created}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title="Nothing was made from it yet">
            <p>Each entity remembers the template it came from, its digest and its answers.</p>
          </Empty>
        ) : (
          <>
            <Table items={items} of={of} />
            {of && <Update key={of} reference={of} />}
          </>
        )
      }
    </Loaded>
  );
}

function Table({ items, of }: { items: CreatedEntity[]; of: string | null }) {
  return (
    <table class="rows" aria-label="Made from this template">
      <thead>
        <tr>
          <th scope="col">Entity</th>
          <th scope="col">State</th>
          <th scope="col" class="mid">
            Owner
          </th>
          <th scope="col" class="wide" title="Of the template and everything in its folder">
            Template digest
          </th>
          <th scope="col" class="mid">
            Made
          </th>
          <th scope="col">Update</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.ref} class={item.ref === of ? 'chosen' : ''}>
            <td class="clip">
              <a
                href={`/catalog/${Object.values(splitReference(item.ref)).map(encodeURIComponent).join('/')}`}
                data-row
              >
                {item.title}
              </a>
            </td>
            <td>
              {item.behind ? (
                <Said icon="swap" tone="asks" word="Behind" />
              ) : (
                <Said icon="passed" tone="ok" word="Up to date" />
              )}
            </td>
            <td class="mid">
              <OwnerLink owner={ownerReference(item.owner)} />
            </td>
            <td class="wide mono" title={item.template_digest}>
              {shortDigest(item.template_digest)}
            </td>
            <td class="mid">
              <Ago at={item.made_at} />
              {item.made_by && <span class="faint"> by {item.made_by}</span>}
            </td>
            <td>
              {!item.behind ? (
                '–'
              ) : item.can_update ? (
                <button
                  type="button"
                  class="button small"
                  onClick={() => setQuery({ of: item.ref === of ? null : item.ref })}
                >
                  {item.ref === of ? 'Close the update' : 'Open the update'}
                </button>
              ) : (
                <span class="faint" title="The template as it was is not kept">
                  not possible
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A conflict before all else, then what changes. */
const worthReading = ({ changes }: TemplateUpdate): TemplateUpdate['changes'][number] | undefined =>
  changes.find(({ conflict }) => conflict) ?? changes.find(({ diff }) => diff !== null);

function Update({ reference }: { reference: string }) {
  const { kind, namespace, name } = splitReference(reference);
  const path = `/catalog/created/${[kind, namespace, name].map(encodeURIComponent).join('/')}/update`;
  const update = useData<TemplateUpdate>(path);
  const { problem, busy, act } = useAct();
  const apply = (): void =>
    void act(async () => {
      await send('POST', path, { apply: true });
      refresh(isCatalog);
      setQuery({ of: null });
    });
  return (
    <section class="update" aria-labelledby="update">
      <h2 class="made-title" id="update">
        Update of <EntityLink reference={reference} />
      </h2>
      <Loaded resource={update}>
        {(found) => (
          <>
            <p class="made-note">
              From <code>{shortDigest(found.from)}</code> to <code>{shortDigest(found.to)}</code>:{' '}
              {plural(found.changes.length, 'file')} differ
              {found.conflicts > 0 ? (
                <span class="status error">
                  , <Icon name="alert" /> {plural(found.conflicts, 'conflict')}
                </span>
              ) : (
                ', no conflict'
              )}
              ; <Ticked text={FOLDER_WORDS[found.folder]} />.
            </p>
            {found.changes.length > 0 && (
              <Files
                files={found.changes.map((change) => ({ ...change, ...changeMark(change) }))}
                label="Changed files"
                first={worthReading(found)?.path}
              >
                {(change) => (
                  <>
                    <div class="file-head">
                      <code>{change.path}</code>
                      <Said {...change} />
                      {change.why && <span class="faint">{change.why}</span>}
                    </div>
                    {change.diff ? (
                      <Unified text={change.diff} label={`Changes of ${change.path}`} />
                    ) : (
                      <p class="calm">Nothing of it changes.</p>
                    )}
                  </>
                )}
              </Files>
            )}
            {found.folder === 'project' && (
              <ForRole least="developer">
                <div class="made-head">
                  <button type="button" class="button primary" disabled={busy} onClick={apply}>
                    Write it into the folder
                  </button>
                  {found.conflicts > 0 && (
                    <span class="faint">
                      {exact(found.conflicts)} of the files get conflict marks, as git writes them; edit those
                      afterwards.
                    </span>
                  )}
                </div>
              </ForRole>
            )}
            <Problem text={problem} />
          </>
        )}
      </Loaded>
    </section>
  );
}
