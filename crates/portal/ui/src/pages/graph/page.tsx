import { useData } from '../../api/cache';
import type { CatalogPage } from '../../api/catalog';
import { withQuery } from '../../api/client';
import { query } from '../../location';
import { entityPath } from '../../router';
import { ClassName, isOwned, OwnerLink } from '../../ui/catalog';
import { TextFilter } from '../../ui/filter';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Empty } from '../../ui/waiting';
import { referenceName } from '../../format/catalog';
import Dependencies from './dependencies';

const SHOWN = 30;

/** The dependency graph of one entity on a page of its own; without one, what to choose from. */
export default function GraphPage() {
  const reference = query.value.get('ref');
  if (!reference) return <ChooseEntity />;
  return (
    <>
      <PageHead title={referenceName(reference)} up={{ href: '/catalog/graph', name: 'Dependencies' }}>
        <div class="actions">
          <a class="button small" href={entityPath(reference)}>
            Its page
          </a>
        </div>
      </PageHead>
      <Dependencies key={reference} reference={reference} />
    </>
  );
}

function ChooseEntity() {
  const text = query.value.get('q') ?? '';
  const list = useData<CatalogPage>(withQuery('/catalog/entities', { q: text, limit: SHOWN }));
  return (
    <>
      <PageHead title="Dependencies">
        <span class="count">Choose what to look at</span>
      </PageHead>
      <div class="filters">
        <TextFilter name="q" label="Name or words" value={text} />
      </div>
      <Loaded resource={list}>
        {({ items }) =>
          items.length > 0 ? (
            <table class="rows" aria-label="Entities">
              <thead>
                <tr>
                  <th scope="col">Kind</th>
                  <th scope="col">Name</th>
                  <th scope="col" class="mid">
                    Owner
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr key={item.ref}>
                    <td>
                      <ClassName kind={item.kind} type={item.type} />
                    </td>
                    <td class="clip">
                      <a href={`/catalog/graph?ref=${encodeURIComponent(item.ref)}`} data-row title={item.ref}>
                        <Name text={item.title} />
                      </a>
                    </td>
                    <td class="mid">
                      {isOwned(item.class) || item.owner ? (
                        <OwnerLink owner={item.owner} />
                      ) : (
                        <span class="faint">–</span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          ) : (
            <Empty title={text ? 'Nothing is called like that' : 'The catalog is empty'}>
              <p>
                Agents, models and tools appear by themselves once traffic shows them; the rest comes with{' '}
                <code>mizzen apply -f</code>.
              </p>
            </Empty>
          )
        }
      </Loaded>
    </>
  );
}
