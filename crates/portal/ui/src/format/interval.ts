/**
 * Wilson score interval of a share, after E. B. Wilson, "Probable Inference, the Law of Succession, and
 * Statistical Inference" (1927). It stays inside [0, 1] and is honest for few observations and for none.
 */

/** 97.5th percentile of the standard normal distribution: two sides of 2.5% leave 95%. */
const Z_95 = 1.959_963_984_540_054;

export interface Interval {
  low: number;
  high: number;
}

export function wilson(hits: number, total: number, z = Z_95): Interval {
  if (total <= 0) return { low: 0, high: 1 };
  const share = hits / total;
  const z2 = z * z;
  const scale = 1 + z2 / total;
  const centre = (share + z2 / (2 * total)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  // At the ends the formula is exact; only rounding could step outside.
  return { low: hits === 0 ? 0 : Math.max(0, centre - half), high: hits === total ? 1 : Math.min(1, centre + half) };
}

/**
 * Exact interval of a share, after C. J. Clopper and E. S. Pearson, "The Use of Confidence or Fiducial Limits
 * Illustrated in the Case of the Binomial" (1934). It is what the server computes for runs of which none hang together.
 */
export function exactInterval(hits: number, total: number, alpha = 0.05): Interval {
  if (total <= 0) return { low: 0, high: 1 };
  const solve = (at: number, a: number, b: number): number => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 60; step += 1) {
      const middle = (low + high) / 2;
      if (betaShare(middle, a, b) < at) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return {
    low: hits === 0 ? 0 : solve(alpha / 2, hits, total - hits + 1),
    high: hits === total ? 1 : solve(1 - alpha / 2, hits + 1, total - hits),
  };
}

/** The regularised incomplete beta function of whole numbers: the chance of `a` or more hits of `a + b - 1`. */
function betaShare(x: number, a: number, b: number): number {
  const n = a + b - 1;
  let term = n * Math.log1p(-x);
  const odds = Math.log(x) - Math.log1p(-x);
  let sum = 0;
  for (let hits = 0; hits <= n; hits += 1) {
    if (hits >= a) sum += Math.exp(term);
    term += Math.log((n - hits) / (hits + 1)) + odds;
  }
  return Math.min(1, sum);
}

/** `4.8% (1.0–13.3)`: the share with its exact interval. `–` without observations. */
export function shareWithExact(hits: number, total: number): string {
  if (total <= 0) return '–';
  const { low, high } = exactInterval(hits, total);
  return `${((100 * hits) / total).toFixed(1)}% (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}

/** `8.3% (3.6–18.1)`: the share and its 95% interval. `–` without observations. */
export function shareWithInterval(hits: number, total: number): string {
  if (total <= 0) return '–';
  const { low, high } = wilson(hits, total);
  return `${((100 * hits) / total).toFixed(1)}% (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}
