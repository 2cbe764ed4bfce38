import { describe, expect, test } from 'vitest';
import type { Estimate } from '../src/api/eval';
import {
  differenceDomain,
  differenceText,
  domainOf,
  estimateSentence,
  estimateText,
  methodWord,
  placed,
  sampleWords,
  valueText,
} from '../src/format/estimate';

const estimate = (
  value: number,
  lower: number | null,
  upper: number | null,
  more: Partial<Estimate> = {},
): Estimate => ({
  value,
  lower,
  upper,
  confidence: 0.95,
  method: 'cluster_t',
  n: 200,
  clusters: 50,
  note: null,
  ...more,
});

describe('numbers with their interval', () => {
  test('scores, shares, money, time and counts', () => {
    expect(estimateText(estimate(0.42, 0.315, 0.525), null)).toBe('0.420 (0.315–0.525)');
    expect(estimateText(estimate(0.42, 0.315, 0.525), 'share')).toBe('42.0% (31.5–52.5)');
    expect(estimateText(estimate(0.0042, 0.0037, 0.0047), 'usd')).toBe('$0.0042 ($0.0037–$0.0047)');
    expect(estimateText(estimate(900, 880.5, 1_000), 'seconds')).toBe('15 m 00 s (14 m 41 s–16 m 40 s)');
    expect(estimateText(estimate(0.002, 0.0004, 0.0082), 'per_1000')).toBe('2 (0.4–8.2)');
    expect([valueText(3.25, 'calls'), valueText(1_234, 'tokens'), valueText(123_456, 'tokens')]).toEqual([
      '3.25',
      '1,234',
      '123k',
    ]);
  });
  test('an interval that begins at nothing or below says so', () => {
    expect(estimateText(estimate(0.0028, 0, 0.027), 'usd')).toBe('$0.0028 ($0–$0.027)');
    expect(estimateText(estimate(2, 0, 5), 'seconds')).toBe('2.00 s (0 s–5.00 s)');
    expect(estimateText(estimate(0.1, -0.2, 0.4), null)).toBe('0.100 (−0.200 to 0.400)');
    expect(differenceText(estimate(1, -1, 3), 'usd')).toBe('+$1.00 (−$1.00 to +$3.00)');
  });
  test('what is unknown is never a number', () => {
    expect(estimateText(null, 'share')).toBe('–');
    expect(estimateText(estimate(0.8, null, null), 'share')).toBe('80.0% (no interval)');
    // Half an interval would mislead.
    expect(estimateText(estimate(0.8, 0.5, null), 'share')).toBe('80.0% (no interval)');
  });
  test('differences say their direction at every place', () => {
    expect(differenceText(estimate(0.12, 0.03, 0.21), null)).toBe('+0.120 (+0.030 to +0.210)');
    expect(differenceText(estimate(-0.16, -0.29, 0.02), 'share')).toBe('−16.0% (−29.0% to +2.0%)');
    expect(differenceText(estimate(-884, -886, -882), 'seconds')).toBe('−14 m 44 s (−14 m 46 s to −14 m 42 s)');
    expect(differenceText(null, null)).toBe('–');
    // What rounds to nothing has no direction.
    expect(differenceText(estimate(-0.0001, -0.01, 0.0002), null)).toBe('0.000 (−0.010 to 0.000)');
  });
  test('the sentence names confidence, method and sample, or why there is no interval', () => {
    expect(estimateSentence(estimate(0.42, 0.315, 0.525), 'share')).toBe(
      '42.0%, 95% interval 31.5% to 52.5%; standard error clustered by case, t distribution; 200 trials of 50 cases',
    );
    expect(
      estimateSentence(
        estimate(1, null, null, { note: 'one case says nothing of others', method: 'none', n: 5, clusters: 1 }),
        null,
      ),
    ).toBe('1.000, no interval: one case says nothing of others; 5 trials of 1 case');
  });
  test('an unknown method keeps its name, single trials are not grouped', () => {
    expect(methodWord('some_new_method')).toBe('some new method');
    expect(sampleWords({ n: 50, clusters: 50 })).toBe('50 trials');
    expect(sampleWords({ n: 4, clusters: 0 }, 'run')).toBe('4 runs');
  });
});

describe('axes', () => {
  test('scores share [0, 1]; counts reach the largest end', () => {
    expect(domainOf([estimate(0.4, 0.3, 0.5)], null)).toEqual({ low: 0, high: 1 });
    const { low, high } = domainOf([estimate(10, 8, 12), null, estimate(3, null, null)], 'calls');
    expect([low, high > 12, high < 13]).toEqual([0, true, true]);
  });
  test('differences have zero in the middle and room for the margin', () => {
    const domain = differenceDomain([estimate(0.02, -0.01, 0.05)], 0.1);
    expect(placed(0, domain)).toBe(0.5);
    expect(placed(-0.1, domain)).toBeGreaterThan(0);
    expect(differenceDomain([null], null).high).toBeGreaterThan(0);
  });
  test('what lies outside is drawn at the edge', () => {
    expect([
      placed(-1, { low: 0, high: 1 }),
      placed(0.25, { low: 0, high: 1 }),
      placed(7, { low: 0, high: 1 }),
    ]).toEqual([0, 0.25, 1]);
  });
});
