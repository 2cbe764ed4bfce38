import { signal, type Signal } from '@preact/signals';
import { ApiError, get } from '../../api/client';
import type { RunPage, RunSummary } from '../../api/shapes';
import { listPath, matches, type RunFilter } from './filter';
import { insert, merge } from './merge';

/** Two screens of rows: enough to scroll into while the next page comes. */
const PAGE_ROWS = 50;
/** Lists kept for going back to, newest last. */
const LISTS_MAX = 6;

/** One list of runs for one filter: pages as they are asked for, and news as they come. */
export class RunList {
  readonly items: Signal<RunSummary[] | undefined> = signal(undefined);
  readonly fresh: Signal<RunSummary[]> = signal([]);
  readonly error: Signal<ApiError | undefined> = signal(undefined);
  readonly nextCursor: Signal<string | null> = signal(null);
  private loading = false;

  constructor(private readonly filter: RunFilter) {}

  /** Reads the first page again; rows of later pages stay below it. */
  async reload(): Promise<void> {
    await this.load(null, (page) => {
      const before = this.items.value ?? [];
      const oldest = page.items.at(-1)?.started_at;
      const read = new Set(page.items.map((run) => run.run_id));
      const below =
        page.next_cursor && oldest ? before.filter((run) => run.started_at < oldest && !read.has(run.run_id)) : [];
      this.items.value = [...page.items, ...below];
      if (below.length === 0) this.nextCursor.value = page.next_cursor ?? null;
      this.fresh.value = [];
    });
  }

  async more(): Promise<void> {
    const cursor = this.nextCursor.value;
    if (cursor === null) return;
    await this.load(cursor, (page) => {
      this.items.value = insert(this.items.value ?? [], page.items);
      this.nextCursor.value = page.next_cursor ?? null;
    });
  }

  /** Takes news. `showAtOnce` when new rows on top would disturb nobody. */
  hear(runs: RunSummary[], showAtOnce: boolean): void {
    if (this.items.value === undefined) return;
    const verdicts = runs.map((run) => matches(run, this.filter, Date.now()));
    if (verdicts.includes(null)) void this.reload();
    const mine = runs.filter((_, index) => verdicts[index] === true);
    const { items, fresh } = merge(this.items.value, mine);
    this.items.value = items;
    this.fresh.value = insert(this.fresh.value, this.inside(fresh));
    if (showAtOnce) this.showFresh();
  }

  showFresh(): void {
    if (this.fresh.value.length === 0) return;
    this.items.value = insert(this.items.value ?? [], this.fresh.value);
    this.fresh.value = [];
  }

  /** A late span of an old run is no news for the pages read so far. */
  private inside(runs: RunSummary[]): RunSummary[] {
    const oldest = this.items.value?.at(-1)?.started_at;
    return this.nextCursor.value === null || !oldest ? runs : runs.filter((run) => run.started_at >= oldest);
  }

  private async load(cursor: string | null, then: (page: RunPage) => void): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      then(await get<RunPage>(listPath(this.filter, PAGE_ROWS, cursor, Date.now())));
      this.error.value = undefined;
    } catch (error) {
      if (error instanceof ApiError) this.error.value = error;
      else throw error;
    } finally {
      this.loading = false;
    }
  }
}

const lists = new Map<string, RunList>();

/** The list for `filter`, with its rows when it was shown before. */
export function runList(filter: RunFilter): RunList {
  const key = JSON.stringify(filter);
  const list = lists.get(key) ?? new RunList(filter);
  lists.delete(key);
  lists.set(key, list);
  const oldest = lists.keys().next().value;
  if (lists.size > LISTS_MAX && oldest !== undefined) lists.delete(oldest);
  return list;
}

export function forgetLists(): void {
  lists.clear();
}
