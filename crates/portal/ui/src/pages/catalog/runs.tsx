import { useData } from '../../api/cache';
import type { EntityDetail } from '../../api/catalog';
import type { AgentSummary, List } from '../../api/shapes';
import { TrafficFacts } from '../agents/facts';
import { RecentRuns } from '../runs/recent';
import { trafficName } from './tabs';

/** Runs of an agent, or those in which a model was called. */
export function RunsTab({ detail }: { detail: EntityDetail }) {
  const name = trafficName(detail);
  return (
    <>
      {detail.class === 'agent' && <AllRuns agent={name} />}
      <RecentRuns by={detail.class === 'model' ? { model: name } : { agent: name }} />
    </>
  );
}

/** The header has the last days; this is of everything that is kept. */
function AllRuns({ agent }: { agent: string }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items;
  const known = agents?.find((one) => one.agent === agent);
  if (!known) return null;
  return (
    <section class="block inset">
      <h2>All kept runs</h2>
      <TrafficFacts agent={known} />
    </section>
  );
}
