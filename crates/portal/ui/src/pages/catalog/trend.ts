import type { TrendDay } from '../../api/catalog';
import { exactInterval } from '../../format/interval';

/** The days of an agent, as pure functions. */

interface Band {
  at: number[];
  value: number[];
  lower: number[];
  upper: number[];
}

/** Success by day with its exact 95% interval. Days of which nothing is known are left out. */
export function successBand(trend: TrendDay[]): Band {
  const band: Band = { at: [], value: [], lower: [], upper: [] };
  for (const { day, ok, errors } of trend) {
    if (ok + errors === 0) continue;
    const { low, high } = exactInterval(ok, ok + errors);
    band.at.push(Date.parse(day) / 1000);
    band.value.push(ok / (ok + errors));
    band.lower.push(low);
    band.upper.push(high);
  }
  return band;
}
