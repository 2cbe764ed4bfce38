import type { Resource } from '../../api/cache';
import type { RunPage } from '../../api/shapes';
import { Failure, Waiting } from '../../ui/waiting';
import { RunTable } from './table';

/** The newest runs of an agent or model, with the way to all of them. */
export function RecentRuns({ runs, all, failed }: { runs: Resource<RunPage>; all: string; failed: string }) {
  const page = runs.data.value;
  return (
    <section class="block inset">
      <h2>
        Recent runs <a href={all}>All runs</a> <a href={failed}>Failed only</a>
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
