import type { TrendDay } from '../../api/catalog';
import { wilson } from '../../format/interval';

/** The days of an agent, as pure functions. */

/** What the last `count` days hold together; runs that nothing was said of are not in it. */
export function recentDays(trend: TrendDay[], count: number): { ok: number; total: number } {
  const recent = trend.slice(-count);
  const ok = recent.reduce((sum, day) => sum + day.ok, 0);
  return { ok, total: ok + recent.reduce((sum, day) => sum + day.errors, 0) };
}

/** `96% (92–99)`: a share with its 95% interval, short enough for a line below a number. */
export function shortShare(hits: number, total: number): string {
  if (total <= 0) return '–';
  const { low, high } = wilson(hits, total);
  const round = (share: number): string => (100 * share).toFixed(0);
  return `${round(hits / total)}% (${round(low)}–${round(high)})`;
}

export interface Band {
  at: number[];
  value: number[];
  lower: number[];
  upper: number[];
}

/** Success by day with its 95% interval. Days of which nothing is known are left out. */
export function successBand(trend: TrendDay[]): Band {
  const band: Band = { at: [], value: [], lower: [], upper: [] };
  for (const { day, ok, errors } of trend) {
    if (ok + errors === 0) continue;
    const { low, high } = wilson(ok, ok + errors);
    band.at.push(Date.parse(day) / 1000);
    band.value.push(ok / (ok + errors));
    band.lower.push(low);
    band.upper.push(high);
  }
  return band;
}
