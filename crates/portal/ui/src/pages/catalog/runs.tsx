import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { EntityDetail } from '../../api/catalog';
import type { RunPage } from '../../api/shapes';
import { RecentRuns } from '../runs/recent';
import { trafficName } from './tabs';

const RUNS_SHOWN = 25;

/** Runs of an agent, or those in which a model was called. */
export function RunsTab({ detail }: { detail: EntityDetail }) {
  const by = { [detail.class === 'model' ? 'model' : 'agent']: trafficName(detail) };
  const runs = useData<RunPage>(withQuery('/runs', { ...by, limit: RUNS_SHOWN }));
  return (
    <RecentRuns runs={runs} all={withQuery('/runs', by)} failed={withQuery('/runs', { ...by, outcome: 'error' })} />
  );
}
