import '../../styles/ingestion.css';
import { useData } from '../../api/cache';
import type { Ingestion } from '../../api/catalog-shapes';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { useFollow } from '../../ui/follow';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Tabs } from '../../ui/tabs';
import { NewLocation } from './new-location';
import { DanglingTable, DuplicateTable, OrphanTable } from './findings';
import { Sources } from './sources';
import { sumsOf } from './words';

const FOLLOW_MS = 10_000;
const PANEL = 'ingestion-panel';

/** Where the catalog comes from, and what is wrong with it. */
export default function IngestionPage() {
  const ingestion = useData<Ingestion>('/catalog/ingestion');
  useFollow(ingestion.reload, FOLLOW_MS);
  const data = ingestion.data.value;
  const tab = query.value.get('tab') ?? 'sources';
  const sums = data && sumsOf(data.sources);
  return (
    <>
      <PageHead title="Ingestion">
        {sums && (
          <span class="count">
            {plural(sums.sources, 'source')}
            {sums.failing > 0 && `, ${sums.failing} failing`}
          </span>
        )}
        <div class="actions">
          <ForRole least="administrator">
            <a class="button small primary" href="/catalog/ingestion?new=1">
              <Icon name="plus" /> Add a location
            </a>
          </ForRole>
        </div>
      </PageHead>
      {query.value.has('new') && <NewLocation done={ingestion.reload} />}
      <Tabs
        label="Findings"
        panel={PANEL}
        tabs={[
          { id: 'sources', label: counted('Sources', sums?.errors, 'errors') },
          { id: 'dangling', label: counted('Dangling references', data?.dangling_total) },
          { id: 'duplicates', label: counted('Duplicates', data?.duplicates_total) },
          { id: 'orphans', label: counted('Orphans', data?.orphans_total) },
        ]}
        chosen={tab}
        choose={(next) => setQuery({ tab: next === 'sources' ? null : next })}
      />
      <div id={PANEL} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <Loaded resource={ingestion}>
          {(found) => {
            if (tab === 'dangling') return <DanglingTable found={found} />;
            if (tab === 'duplicates') return <DuplicateTable found={found} />;
            if (tab === 'orphans') return <OrphanTable found={found} />;
            return <Sources sources={found.sources} reload={ingestion.reload} />;
          }}
        </Loaded>
      </div>
    </>
  );
}

function counted(word: string, count: number | undefined, of = ''): string {
  if (!count) return word;
  return `${word} (${count}${of && ` ${of}`})`;
}
