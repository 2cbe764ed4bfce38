import type { RunSummary } from '../../api/shapes';

/** What news does to a list on screen. */
interface Merged {
  /** The same rows in the same places, each as it is now. */
  items: RunSummary[];
  /** Runs that are not in the list yet, newest first. */
  fresh: RunSummary[];
}

export function merge(items: RunSummary[], news: RunSummary[]): Merged {
  const byId = new Map(news.map((run) => [run.run_id, run]));
  let changed = false;
  const merged = items.map((run) => {
    const newer = byId.get(run.run_id);
    byId.delete(run.run_id);
    if (!newer || !isNewer(newer, run)) return run;
    changed = true;
    return newer;
  });
  const fresh = [...byId.values()].sort(newestFirst);
  return { items: changed ? merged : items, fresh };
}

/** `fresh` before `items`, in order of start; a run that is in both stays once. */
export function insert(items: RunSummary[], fresh: RunSummary[]): RunSummary[] {
  const have = new Set(items.map((run) => run.run_id));
  const added = fresh.filter((run) => !have.has(run.run_id));
  return added.length === 0 ? items : [...added, ...items].sort(newestFirst);
}

/** Events may overtake each other: a revision or span count never goes back. */
function isNewer(news: RunSummary, shown: RunSummary): boolean {
  return news.revision > shown.revision || (news.revision === shown.revision && news.spans >= shown.spans);
}

function newestFirst(a: RunSummary, b: RunSummary): number {
  return a.started_at < b.started_at ? 1 : a.started_at > b.started_at ? -1 : 0;
}
