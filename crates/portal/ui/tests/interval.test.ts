import { describe, expect, test } from 'vitest';
import { exactInterval, shareWithExact, shareWithWilson, wilson } from '../src/format/interval';

describe('Wilson interval', () => {
  test('agrees with published values', () => {
    // Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I.
    const cases = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
      [29, 29, 0.883, 1],
    ] as const;
    for (const [hits, total, low, high] of cases) {
      expect(wilson(hits, total).low).toBeCloseTo(low, 4);
      expect(wilson(hits, total).high).toBeCloseTo(high, 4);
    }
  });

  test('stays within 0 and 1 and holds the share', () => {
    for (let total = 1; total <= 60; total += 1) {
      for (let hits = 0; hits <= total; hits += 1) {
        const { low, high } = wilson(hits, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(hits / total);
        expect(high).toBeGreaterThanOrEqual(hits / total);
      }
    }
  });

  test('covers the true share about as often as it says', () => {
    // Exact, from the binomial distribution; averaged, since no interval can hit 95% at every share.
    const trials = 50;
    let sum = 0;
    const shares = Array.from({ length: 99 }, (_, index) => (index + 1) / 100);
    for (const share of shares) {
      let mass = (1 - share) ** trials;
      let covered = 0;
      for (let hits = 0; hits <= trials; hits += 1) {
        const { low, high } = wilson(hits, trials);
        if (low <= share && share <= high) covered += mass;
        mass *= ((trials - hits) / (hits + 1)) * (share / (1 - share));
      }
      expect(covered).toBeGreaterThan(0.89);
      sum += covered;
    }
    expect(sum / shares.length).toBeCloseTo(0.95, 2);
  });

  test('without observations nothing is known', () => {
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
    expect(shareWithWilson(0, 0)).toBe('–');
    expect(shareWithWilson(1, 12)).toBe('8.3% (1.5–35.4)');
  });
});

test('the exact interval is that of the server', () => {
  // As `mizzen_eval` gives them for 0, 1 and 3 of 3, and for a sample of ordinary size.
  expect(exactInterval(0, 3).high).toBeCloseTo(0.7075982261787129, 9);
  expect(exactInterval(3, 3).low).toBeCloseTo(0.29240177382128707, 9);
  expect(shareWithExact(1, 3)).toBe('33.3% (0.8–90.6)');
  const { low, high } = exactInterval(3, 63);
  expect([low, high].map((end) => Number(end.toFixed(3)))).toEqual([0.01, 0.133]);
  // Checked against the tails of the binomial distribution.
  expect(exactInterval(81, 263).low).toBeCloseTo(0.2527367455852753, 9);
  expect(shareWithExact(500, 1_000_000)).toBe('0.1% (0.0–0.1)');
  expect(exactInterval(123_456, 300_000).high).toBeCloseTo(0.41328347152, 9);
});
