/**
 * Wilson score interval of a share, after E. B. Wilson, "Probable Inference, the Law of Succession, and
 * Statistical Inference" (1927). It stays inside [0, 1] and is honest for few observations and for none.
 */

/** 97.5th percentile of the standard normal distribution: two sides of 2.5% leave 95%. */
const Z_95 = 1.959_963_984_540_054;

interface Interval {
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

/** Halvings of [0, 1]: as fine as a double near 1. */
const HALVINGS = 53;

/**
 * Exact interval of a share, after C. J. Clopper and E. S. Pearson, "The Use of Confidence or Fiducial Limits
 * Illustrated in the Case of the Binomial" (1934). It is what the server computes for runs of which none hang together,
 * so that one share has one interval on all pages.
 */
export function exactInterval(hits: number, total: number, alpha = 0.05): Interval {
  if (total <= 0) return { low: 0, high: 1 };
  const solve = (at: number, a: number, b: number): number => {
    let [low, high] = [0, 1];
    for (let step = 0; step < HALVINGS; step += 1) {
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

/**
 * The regularised incomplete beta function, by its continued fraction (NIST DLMF 8.17.22) with Lentz's algorithm: some
 * hundred terms for a million observations.
 */
function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side only.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  return front / betaFraction(x, a, b);
}

const TERMS_MAX = 10_000;

function betaFraction(x: number, a: number, b: number): number {
  const tiny = Number.MIN_VALUE / Number.EPSILON;
  const apart = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let [value, c, d] = [1, 1, 0];
  for (let term = 1; term <= TERMS_MAX; term += 1) {
    const m = Math.floor(term / 2);
    const part =
      term % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + part * d);
    c = apart(1 + part / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 4 * Number.EPSILON) break;
  }
  return value;
}

/** By Stirling's series (NIST DLMF 5.11.1), from where it is as exact as a double. */
function logGamma(value: number): number {
  const from = 10;
  let [at, product] = [value, 1];
  while (at < from) {
    product *= at;
    at += 1;
  }
  const square = at * at;
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

/** `4.8% (1.0–13.3)`: the share with its interval. `–` without observations. */
function shareWith({ low, high }: Interval, hits: number, total: number): string {
  if (total <= 0) return '–';
  return `${((100 * hits) / total).toFixed(1)}% (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}

export const shareWithExact = (hits: number, total: number): string =>
  shareWith(exactInterval(hits, total), hits, total);

/** As the server tells a baseline. */
export const shareWithWilson = (hits: number, total: number): string => shareWith(wilson(hits, total), hits, total);
