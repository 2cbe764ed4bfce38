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

/** `8.3% (3.6–18.1)`: the share and its 95% interval. `–` without observations. */
export function shareWithInterval(hits: number, total: number): string {
  if (total <= 0) return '–';
  const { low, high } = wilson(hits, total);
  return `${((100 * hits) / total).toFixed(1)}% (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}
