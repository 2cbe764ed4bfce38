import { describe, expect, test } from 'vitest';
import { shareWithInterval, wilson } from '../src/format/interval';

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
    expect(shareWithInterval(0, 0)).toBe('–');
    expect(shareWithInterval(1, 12)).toBe('8.3% (1.5–35.4)');
  });
});
