import { useData } from '../../api/cache';
import type { CatalogPage, Facets, OwnedItem } from '../../api/catalog';
import { withQuery } from '../../api/client';
import { classWord, levelOf, levelWord } from '../../format/catalog';
import { exact } from '../../format/number';
import { entityPath } from '../../router';
import { classIconOf, LevelBadge, VersionStatus } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';

/** What a team owns. */
export function Owned({ items, reference }: { items: OwnedItem[]; reference: string }) {
  return (
    <section class="block">
      <h2>
        Owned <a href={withQuery('/catalog', { owner: reference })}>All in the catalog</a>
      </h2>
      {items.length === 0 ? (
        <p class="calm">It owns nothing yet.</p>
      ) : (
        <table class="rows" aria-label="Owned entities">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col">Level</th>
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={item.ref}>
                <td class="col-title">
                  <span class="with-icon">
                    <Icon name={classIconOf(item.kind)} />
                    <a href={entityPath(item.ref)} data-row title={item.ref}>
                      <Name text={item.title} />
                    </a>
                  </span>
                </td>
                <td>{classWord(item.kind)}</td>
                <td>{item.kind === 'agent' ? <LevelBadge level={item.level} /> : <span class="faint">–</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const PARTS_SHOWN = 100;

/** Everything that says it is part of a system. */
export function Parts({ reference }: { reference: string }) {
  const parts = useData<CatalogPage>(
    withQuery('/catalog/entities', { system: reference, sort: 'class', limit: PARTS_SHOWN }),
  );
  return (
    <section class="block">
      <h2>
        Parts <a href={withQuery('/catalog', { system: reference })}>All in the catalog</a>
        <Whole reference={reference} />
      </h2>
      <Loaded resource={parts} rows={4}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="calm">Nothing says that it is part of it.</p>
          ) : (
            <table class="rows" aria-label="Parts of the system">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Kind</th>
                  <th scope="col" class="mid">
                    Version
                  </th>
                  <th scope="col" class="mid">
                    Level
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr key={item.ref}>
                    <td class="col-title">
                      <span class="with-icon">
                        <Icon name={classIconOf(item.class)} />
                        <a href={entityPath(item.ref)} data-row title={item.ref}>
                          <Name text={item.title} />
                        </a>
                      </span>
                    </td>
                    <td>{classWord(item.class)}</td>
                    <td class="mid">
                      {item.version ? <VersionStatus state={item.version.state} /> : <span class="faint">–</span>}
                    </td>
                    <td class="mid">
                      {item.level === null ? <span class="faint">–</span> : <LevelBadge level={levelOf(item.level)} />}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </section>
  );
}

/** The system as a whole: how many parts of what class, and how far its agents are. */
function Whole({ reference }: { reference: string }) {
  const path = `${withQuery('/catalog/facets', { system: reference })}&facet=class&facet=level`;
  const facets = useData<Facets>(path).data.value?.facets;
  if (!facets) return null;
  const classes = (facets.class ?? []).map(
    ({ value, count }) => `${exact(count)} ${classWord(value, count > 1).toLowerCase()}`,
  );
  const levels = (facets.level ?? []).map(({ value, count }) => {
    const level = levelOf(Number(value));
    return `${exact(count)} ${level === null ? 'not yet known' : levelWord[level].toLowerCase()}`;
  });
  return (
    <span class="whole">
      {classes.join(', ')}
      {levels.length > 0 && `; agents: ${levels.join(', ')}`}
    </span>
  );
}
