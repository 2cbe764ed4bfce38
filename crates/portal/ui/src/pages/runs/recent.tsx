import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { RunPage } from '../../api/shapes';
import { Failure, Waiting } from '../../ui/waiting';
import { RunTable } from './table';

const RUNS_SHOWN = 25;

/** The newest runs of an agent, or those in which a model was called, with the way to all of them. */
export function RecentRuns({ by }: { by: { agent: string } | { model: string } }) {
  const runs = useData<RunPage>(withQuery('/runs', { ...by, limit: RUNS_SHOWN }));
  const page = runs.data.value;
  return (
    <section class="block inset">
      <h2>
        Recent runs <a href={withQuery('/runs', by)}>All runs</a>{' '}
        <a href={withQuery('/runs', { ...by, outcome: 'error' })}>Failed only</a>
      </h2>
      {page ? (
        page.items.length > 0 ? (
          <RunTable runs={page.items} label="Recent runs" compact />
        ) : (
          <p class="calm">None</p>
        )
      ) : runs.error.value ? (
        <Failure error={runs.error.value} retry={() => void runs.reload()} />
      ) : (
        <Waiting />
      )}
    </section>
  );
}
