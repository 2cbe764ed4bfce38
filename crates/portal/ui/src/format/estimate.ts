import type { Estimate } from '../api/eval';
import { dollars } from './money';
import { exact, plural, short } from './number';
import { duration } from './time';

/** Numbers that are estimates, always with their interval. */

/**
 * What a number counts: null is a score in [0, 1], `share` the same read as percent, `per_1000` a rate that its label
 * calls so, else the evaluator's unit.
 */
export type Unit = string | null;

const NS_PER_SECOND = 1e9;
const trimmed = (value: number, digits: number): string => Number(value.toPrecision(digits)).toString();

export function valueText(value: number, unit: Unit): string {
  const size = sizeText(Math.abs(value), unit);
  // What rounds to nothing has no sign.
  return value < 0 && /[1-9]/.test(size) ? `−${size}` : size;
}

function sizeText(size: number, unit: Unit): string {
  switch (unit) {
    case null:
      return size.toFixed(3);
    case 'share':
      return `${(100 * size).toFixed(1)}%`;
    case 'usd':
      return dollars(size);
    case 'seconds':
      return size === 0 ? '0 s' : duration(size * NS_PER_SECOND);
    case 'per_1000':
      return trimmed(1000 * size, 3);
    default:
      return size >= 10_000 ? short(size) : size >= 1_000 ? exact(Math.round(size)) : trimmed(size, 3);
  }
}

/** `41.8% (31.5–52.5)`. Where an end is missing the whole interval is: half of one would mislead. */
export function estimateText(estimate: Estimate | null, unit: Unit): string {
  if (!estimate) return '–';
  return `${valueText(estimate.value, unit)} ${intervalText(estimate, unit)}`;
}

export function intervalText({ lower, upper }: Estimate, unit: Unit): string {
  if (lower === null || upper === null) return '(no interval)';
  const [from, to] = [lower, upper].map((end) => valueText(end, unit));
  // The unit is said once, as in the column before it, unless the ends carry different ones.
  if (unit === 'share' && lower >= 0) return `(${from?.slice(0, -1)}–${to?.slice(0, -1)})`;
  return lower < 0 ? `(${from} to ${to})` : `(${from}–${to})`;
}

/** A difference says its direction: `+0.120 (+0.030 to +0.210)`. */
export function differenceText(estimate: Estimate | null, unit: Unit): string {
  if (!estimate) return '–';
  const { value, lower, upper } = estimate;
  const range = lower === null || upper === null ? 'no interval' : `${signed(lower, unit)} to ${signed(upper, unit)}`;
  return `${signed(value, unit)} (${range})`;
}

function signed(value: number, unit: Unit): string {
  const text = valueText(value, unit);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

const METHODS: Record<string, string> = {
  wilson: 'Wilson score interval',
  clopper_pearson: 'exact interval (Clopper–Pearson)',
  jeffreys: 'Jeffreys interval',
  mean_t: 't interval of a mean',
  cluster_t: 'standard error clustered by case, t distribution',
  cluster_proportion: 'proportion clustered by case, with its effective sample size',
  cluster_bootstrap: 'bootstrap over cases',
  bootstrap: 'bootstrap',
  paired_t: 'paired by case, t distribution',
  paired_t_bounded: 'paired by case, t distribution, at least as wide as cases that were not seen allow',
  newcombe: 'Newcombe interval of a difference',
  score: 'score interval of a difference',
  garwood: 'exact interval of a rate (Garwood)',
  conditional_binomial: 'exact ratio of two rates (conditional binomial)',
  rogan_gladen: 'corrected for the errors of the judge (Rogan–Gladen)',
  prediction_powered: 'corrected by labels of people (prediction-powered)',
  betting: 'betting confidence sequence, valid at every moment',
  beta_mixture: 'beta-mixture confidence sequence, valid at every moment',
  none: 'no interval',
};

/** A method the portal has no words for is named as it is. */
export function methodWord(method: string): string {
  return METHODS[method] ?? method.replaceAll('_', ' ');
}

/** `200 trials of 50 cases`; when each case was tried once there is nothing to cluster. */
export function sampleWords({ n, clusters }: { n: number; clusters: number }, one = 'trial', group = 'case'): string {
  return clusters > 0 && clusters < n ? `${plural(n, one)} of ${plural(clusters, group)}` : plural(n, one);
}

/** The whole statement, for a `title` and for those who cannot see the drawing. */
export function estimateSentence(estimate: Estimate, unit: Unit): string {
  const confidence = `${trimmed(100 * estimate.confidence, 4)}%`;
  const interval =
    estimate.lower === null || estimate.upper === null
      ? `no interval: ${estimate.note ?? 'too little to tell'}`
      : `${confidence} interval ${valueText(estimate.lower, unit)} to ${valueText(estimate.upper, unit)}`;
  const method = estimate.method === 'none' ? '' : `; ${methodWord(estimate.method)}`;
  return `${valueText(estimate.value, unit)}, ${interval}${method}; ${sampleWords(estimate)}`;
}

export interface Domain {
  low: number;
  high: number;
}

/** The axis that all rows of one column share: [0, 1] for scores, else from 0 to the largest end. */
export function domainOf(estimates: (Estimate | null)[], unit: Unit): Domain {
  if (unit === null || unit === 'share') return { low: 0, high: 1 };
  const ends = estimates.flatMap((one) => (one ? [one.value, one.upper ?? one.value] : []));
  return { low: 0, high: Math.max(...ends, Number.MIN_VALUE) * 1.05 };
}

/** A symmetric axis around 0, wide enough for every end and for the margin. */
export function differenceDomain(estimates: (Estimate | null)[], margin: number | null): Domain {
  const sizes = estimates.flatMap((one) =>
    one ? [Math.abs(one.value), Math.abs(one.lower ?? one.value), Math.abs(one.upper ?? one.value)] : [],
  );
  const high = Math.max(...sizes, (margin ?? 0) * 1.2, Number.MIN_VALUE) * 1.05;
  return { low: -high, high };
}

/** Where `value` lies in the domain, in [0, 1]; what lies outside is drawn at the edge. */
export function placed(value: number, { low, high }: Domain): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}
