import { useLayoutEffect } from 'preact/hooks';
import '../../styles/catalog.css';
import { useData } from '../../api/cache';
import type { CatalogItem, Facets } from '../../api/catalog';
import { usePages, type Pages } from '../../api/pages';
import { classWord, MAIN_CLASSES, otherClasses } from '../../format/catalog';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { changeQuery } from '../../router';
import { Command } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { firstRowShown } from '../../ui/marks';
import { ReadAhead } from '../../ui/more';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Empty } from '../../ui/waiting';
import { classesPath, FILTER_NAMES, isFiltered, listPath, parseFilter, type CatalogFilter } from './filter';
import { Filters } from './filters';
import { CatalogTable } from './table';

export default function CatalogPage() {
  const filter = parseFilter(query.value);
  const pages = usePages<CatalogItem>(listPath(filter));
  const total = (pages.first.data.value as { total?: number } | undefined)?.total;
  return (
    <>
      <PageHead title="Catalog">
        <span class="count">{total !== undefined && plural(total, 'entity', 'entities')}</span>
        <div class="actions">
          <ForRole least="developer">
            <a class="button small primary" href="/create">
              <Icon name="plus" /> Create
            </a>
          </ForRole>
        </div>
      </PageHead>
      <Classes filter={filter} />
      <Filters filter={filter} />
      <Loaded resource={pages.first} rows={14}>
        {() => <Rows pages={pages} filter={filter} />}
      </Loaded>
    </>
  );
}

/** The kinds of things there are, as links: the address says which one is shown. */
function Classes({ filter }: { filter: CatalogFilter }) {
  const counted = useData<Facets>(classesPath(filter)).data.value;
  const counts = new Map(counted?.facets.class?.map(({ value, count }) => [value, count]));
  const others = otherClasses([...counts.keys()]);
  const href = (name: string | null): string => {
    const text = changeQuery(query.value.toString(), { class: name });
    return text ? `/catalog?${text}` : '/catalog';
  };
  return (
    <nav class="tabs section-nav class-nav" aria-label="Kinds">
      <a href={href(null)} aria-current={filter.class === '' ? 'page' : undefined}>
        All {counted && <span class="tab-count">{exact(counted.total)}</span>}
      </a>
      {[...MAIN_CLASSES, ...others].map((name) => (
        <a key={name} href={href(name)} aria-current={filter.class === name ? 'page' : undefined}>
          {classWord(name, true)} {counted && <span class="tab-count">{exact(counts.get(name) ?? 0)}</span>}
        </a>
      ))}
    </nav>
  );
}

function Rows({ pages, filter }: { pages: Pages<CatalogItem>; filter: CatalogFilter }) {
  const items = pages.items ?? [];
  const shown = items.length > 0;
  useLayoutEffect(() => {
    if (shown) firstRowShown();
  }, [shown]);
  if (!shown) return isFiltered(filter) ? <NoMatch /> : <NothingYet name={filter.class} />;
  return (
    <>
      <CatalogTable items={items} filter={filter} />
      {pages.more && <ReadAhead end={[items.length]} more={pages.more} />}
      <Problem text={pages.problem} />
    </>
  );
}

function NoMatch() {
  const clear = (): void =>
    setQuery({ ...Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), class: null }, true);
  return (
    <Empty title="Nothing in the catalog matches these filters">
      <p>
        Remove one, or{' '}
        <button type="button" class="link" onClick={clear}>
          look at everything
        </button>
        .
      </p>
    </Empty>
  );
}

function NothingYet({ name }: { name: string }) {
  return (
    <Empty title={name === '' ? 'The catalog is empty' : `No ${classWord(name, true).toLowerCase()} yet`}>
      <p>
        The catalog fills itself with what traffic shows, and reads what you have: Backstage{' '}
        <code>catalog-info.yaml</code>, MCP <code>server.json</code>, A2A agent cards, <code>SKILL.md</code> folders and
        Mizzen's own YAML.
      </p>
      <div class="empty-steps">
        <Command text="mizzen apply -f catalog-info.yaml" />
        <p>
          or <a href="/create">start from a golden path</a>, or <a href="/catalog/ingestion">add a location</a> that is
          read again by itself.
        </p>
      </div>
    </Empty>
  );
}
