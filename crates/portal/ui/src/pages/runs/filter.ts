import type { Outcome, RunSummary } from '../../api/shapes';
import { withQuery } from '../../api/client';
import { sinceInstant } from '../../format/since';

/** Filters of the run list, as the address writes them; the server understands the same names. */

export interface RunFilter {
  q: string;
  agent: string;
  model: string;
  outcome: string;
  session: string;
  caller: string;
  source: string;
  /** A span back from now (`1h`, `24h`, `7d`) or empty for all of time. */
  since: string;
}

export const FILTER_NAMES = ['q', 'agent', 'model', 'outcome', 'session', 'caller', 'source', 'since'] as const;

export function parseFilter(query: URLSearchParams): RunFilter {
  const read = (name: string): string => query.get(name) ?? '';
  return {
    q: read('q'),
    agent: read('agent'),
    model: read('model'),
    outcome: read('outcome'),
    session: read('session'),
    caller: read('caller'),
    source: read('source'),
    since: read('since'),
  };
}

export function isFiltered(filter: RunFilter): boolean {
  return FILTER_NAMES.some((name) => filter[name] !== '');
}

export function listPath(filter: RunFilter, limit: number, cursor: string | null, now: number): string {
  const { since, ...rest } = filter;
  return withQuery('/runs', { ...rest, from: sinceInstant(since, now), cursor, limit });
}

/**
 * Whether a run that just changed belongs to the list on screen. `null`: only the server can tell (text beyond
 * the title, sources), so the list is read again instead.
 */
export function matches(run: RunSummary, filter: RunFilter, now: number): boolean | null {
  if (filter.agent && run.agent !== filter.agent) return false;
  if (filter.model && !run.models.includes(filter.model)) return false;
  if (filter.outcome && run.outcome !== (filter.outcome as Outcome)) return false;
  if (filter.session && run.session !== filter.session) return false;
  if (filter.caller && run.caller !== filter.caller) return false;
  const from = sinceInstant(filter.since, now);
  if (from !== null && Date.parse(run.started_at) < Date.parse(from)) return false;
  return filter.source || filter.q ? null : true;
}
