/** Reading the form of a baseline: what a person types, as the API wants it, or what is wrong with it. */

import { plural } from '../../format/number';

interface Counts {
  metric: string;
  n: number;
  successes: number;
  safety_events?: number;
  cost_usd_total?: number;
  duration_seconds_total?: number;
}

export interface Typed {
  metric: string;
  n: string;
  successes: string;
  safetyEvents: string;
  /** For one case, since that is what people know; the API takes totals. */
  costPerCase: string;
  minutesPerCase: string;
}

const SECONDS_PER_MINUTE = 60;
const number = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text));

export function countsOf(typed: Typed): Counts | { problem: string } {
  const n = number(typed.n);
  const successes = number(typed.successes);
  if (n === undefined || successes === undefined)
    return { problem: 'say how many cases there were and how many went well' };
  const safety = number(typed.safetyEvents);
  const cost = number(typed.costPerCase);
  const minutes = number(typed.minutesPerCase);
  if ([n, successes, safety, cost, minutes].some((value) => value !== undefined && !(value >= 0)))
    return { problem: 'every number must be 0 or more' };
  if (successes > n) return { problem: `${successes} of ${plural(n, 'case')} cannot have gone well` };
  return {
    metric: typed.metric.trim() || 'success',
    n,
    successes,
    ...(safety === undefined ? {} : { safety_events: safety }),
    ...(cost === undefined ? {} : { cost_usd_total: cost * n }),
    ...(minutes === undefined ? {} : { duration_seconds_total: minutes * SECONDS_PER_MINUTE * n }),
  };
}
