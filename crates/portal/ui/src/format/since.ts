/** Spans back from now, as the address writes them. */

const HOUR_MS = 3_600_000;

export const SINCE: [string, string, number][] = [
  ['1h', 'Last hour', HOUR_MS],
  ['24h', 'Last 24 hours', 24 * HOUR_MS],
  ['7d', 'Last 7 days', 7 * 24 * HOUR_MS],
  ['30d', 'Last 30 days', 30 * 24 * HOUR_MS],
];

/** The instant at which the span began; null for all of time. */
export function sinceInstant(id: string, now: number): string | null {
  const back = SINCE.find(([known]) => known === id)?.[2];
  return back === undefined ? null : new Date(now - back).toISOString();
}
