import { withQuery } from '../../api/client';

/** Addresses of a run in the API, as pure functions. */

const ENTRIES = 100;
/** What the server gives at once. */
const SPANS = 2_000;
/** A screen shows a tenth of these: they need not wait for the rest. */
const SPANS_FIRST = 500;

export const runApi = (id: string): string => `/runs/${encodeURIComponent(id)}`;

export const storyApi = (run: string, cursor: string | null): string =>
  withQuery(`${run}/story`, { cursor, limit: ENTRIES });

export const spansApi = (run: string, cursor: string | null): string =>
  withQuery(`${run}/spans`, { cursor, limit: cursor === null ? SPANS_FIRST : SPANS });

/** What the page of a run reads first, by the view that its address names. */
export function firstReads(id: string, query: URLSearchParams): string[] {
  const run = runApi(id);
  const view = query.get('tab') ?? 'story';
  if (view === 'story') return [run, storyApi(run, null)];
  return view === 'waterfall' && query.get('rows') === 'spans' ? [run, spansApi(run, null)] : [run];
}
