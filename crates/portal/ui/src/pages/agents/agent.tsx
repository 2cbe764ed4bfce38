import { useEffect } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { CatalogPage } from '../../api/catalog';
import type { AgentSummary, List } from '../../api/shapes';
import { navigate } from '../../location';
import { entityPath } from '../../router';
import { InCatalog, lookupPath, onlyFound } from '../../ui/in-catalog';
import { PageHead } from '../../ui/page-head';
import { Failure, Empty, Waiting } from '../../ui/waiting';
import { AgentActions } from './actions';
import { RecentRuns } from '../runs/recent';
import { Evidence } from './evidence';
import { TrafficFacts } from './facts';

/**
 * An agent has one page, that of its entity, and this address, which knows it by the name in traffic, leads there. Until the
 * catalog has it, or where two of the name are in it, what traffic shows stands here.
 */
export default function AgentPage({ id }: { id: string }) {
  const lookup = useData<CatalogPage>(lookupPath(id, 'agent'));
  const entity = onlyFound(lookup.data.value)?.ref;
  useEffect(() => {
    if (entity) navigate(entityPath(entity), { replace: true });
  }, [entity]);
  if (!entity && (lookup.data.value || lookup.error.value)) return <InTraffic id={id} />;
  return (
    <>
      <PageHead title={id} up={{ href: '/agents', name: 'Agents' }} />
      <Waiting rows={10} />
    </>
  );
}

function InTraffic({ id }: { id: string }) {
  const resource = useData<List<AgentSummary>>('/agents');
  const agent = resource.data.value?.items.find((known) => known.agent === id);
  return (
    <>
      <PageHead title={id} up={{ href: '/agents', name: 'Agents' }}>
        <div class="actions">
          <InCatalog name={id} as="agent" />
          <AgentActions agent={id} />
        </div>
      </PageHead>
      {agent ? (
        <TrafficFacts agent={agent} />
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : resource.data.value ? (
        <Empty title="No traffic of this agent" />
      ) : (
        <Waiting />
      )}
      <Evidence agent={id} />
      <RecentRuns by={{ agent: id }} />
    </>
  );
}
