import { describe, expect, test } from 'vitest';
import { summary, tokens, unwrapped } from '../src/format/json';
import { cost, costReason, dollars, priceNote } from '../src/format/money';
import { bytes, plural, short } from '../src/format/number';
import { ago, duration, durationIfKnown, mark, offset, ticks } from '../src/format/time';
import { usageSentence } from '../src/format/words';
import { cell, toCsv } from '../src/pages/sql/csv';

test('calls without a price are counted in words', () => {
  expect([0, 1, 2].map((unpriced_calls) => priceNote({ unpriced_calls }))).toEqual([
    'list prices',
    '1 call unpriced',
    '2 calls unpriced',
  ]);
});

describe('numbers', () => {
  test('short forms keep three digits and never reach 1000 of a unit', () => {
    expect([0, 999, 9_999, 10_000, 123_456, 999_960, 1_234_567, 2.5e9].map(short)).toEqual([
      '0',
      '999',
      '9,999',
      '10k',
      '123k',
      '1M',
      '1.23M',
      '2.5B',
    ]);
  });
  test('bytes and plurals', () => {
    expect([bytes(512), bytes(1536), bytes(3 * 1024 ** 2)]).toEqual(['512 B', '1.5 KiB', '3.0 MiB']);
    expect([plural(1, 'run'), plural(2, 'run'), plural(0, 'reply', 'replies')]).toEqual([
      '1 run',
      '2 runs',
      '0 replies',
    ]);
  });
});

test('a median that was not measured, or that is of no time at all', () => {
  expect([null, undefined, 1, 2_000].map(durationIfKnown)).toEqual(['–', '–', '0 ms', '2 µs']);
});

describe('cost', () => {
  test('what is unknown is never zero', () => {
    expect(cost({ cost_usd: null, unpriced_calls: 2 })).toBe('unknown');
    expect(cost({ cost_usd: null, unpriced_calls: 0 })).toBe('–');
    expect(cost({ cost_usd: 1.5, unpriced_calls: 1 })).toBe('≥ $1.50');
    expect(cost({ cost_usd: 0 })).toBe('$0');
    expect(costReason({ cost_usd: 1.5, unpriced_calls: 1 })).toContain('1 call used a model without');
  });
  test('small amounts keep two digits that mean something', () => {
    expect([0.000001, 0.000123, 0.00161, 0.0456, 0.419, 12.345, 123_456].map(dollars)).toEqual([
      '< $0.00001',
      '$0.00012',
      '$0.0016',
      '$0.046',
      '$0.42',
      '$12.35',
      '$123,456',
    ]);
  });
});

describe('time', () => {
  test('durations', () => {
    expect([12, 4_000, 3_456_000, 412e6, 3.456e9, 12.34e9, 59.96e9, 125e9, 3_720e9].map(duration)).toEqual([
      '12 ns',
      '4 µs',
      '3.46 ms',
      '412 ms',
      '3.46 s',
      '12.3 s',
      '1 m 00 s',
      '2 m 05 s',
      '1 h 02 m',
    ]);
    expect([offset(-5), offset(2.1e9)]).toEqual(['+0 s', '+2.10 s']);
  });
  test('a server whose clock runs ahead is now', () => {
    const now = Date.parse('2026-11-22T10:00:00Z');
    expect(
      [
        '2026-11-22T10:00:30Z',
        '2026-11-22T09:59:30Z',
        '2026-11-22T08:30:00Z',
        '2026-11-19T10:00:00Z',
        '2026-01-02T10:00:00Z',
      ].map((at) => ago(at, now)),
    ).toEqual(['now', '30 s ago', '1 h ago', '3 d ago', '2026-01-02']);
  });
  test('axis marks are round, few and away from the end', () => {
    expect(ticks(14.23e9, 5).map(mark)).toEqual(['0', '5 s', '10 s']);
    expect(ticks(1e9, 5).map(mark)).toEqual(['0', '200 ms', '400 ms', '600 ms', '800 ms']);
    expect(ticks(0, 5)).toEqual([0]);
    for (const total of [7, 1e3, 3.3e7, 9.99e12]) expect(ticks(total, 5).length).toBeLessThanOrEqual(5);
  });
});

describe('tokens', () => {
  test('cached and reasoning tokens are parts, not extras', () => {
    expect(
      usageSentence({
        input_tokens: 1_204,
        output_tokens: 96,
        cache_read_tokens: 800,
        cache_write_tokens: 0,
        reasoning_tokens: 40,
      }),
    ).toBe('1,204 in (800 cached) · 96 out (40 reasoning)');
  });
});

describe('JSON', () => {
  test('pieces join to the text, whole or cut', () => {
    const text = JSON.stringify({ a: 'x "y" \\', n: -1.5e3, deep: [true, null] }, null, 2);
    for (let end = 0; end <= text.length; end += 1)
      expect(
        tokens(text.slice(0, end))
          .map(([, piece]) => piece)
          .join(''),
      ).toBe(text.slice(0, end));
    expect(tokens('{"a": 1}')).toEqual([
      ['', '{'],
      ['key', '"a"'],
      ['', ':'],
      ['', ' '],
      ['number', '1'],
      ['', '}'],
    ]);
  });
  test('one line tells values apart', () => {
    expect(summary({ order_id: 'A-1042', limit: 5 })).toBe('order_id: "A-1042", limit: 5');
    expect(summary('a\n  b')).toBe('a b');
    expect(summary('x'.repeat(200), 20)).toHaveLength(20);
    expect(summary(undefined)).toBe('');
  });
  test('JSON inside a string is shown as what it is', () => {
    expect(unwrapped('{"a":1}')).toEqual({ a: 1 });
    expect(unwrapped('{broken')).toBe('{broken');
    expect(unwrapped('plain')).toBe('plain');
  });
});

describe('CSV', () => {
  test('fields that need it are quoted', () => {
    expect(
      toCsv({
        columns: [
          { name: 'a', type: '' },
          { name: 'b', type: '' },
        ],
        rows: [
          ['x,"y"', null],
          [{ z: 1 }, 2],
        ],
      }),
    ).toBe('a,b\r\n"x,""y""",\r\n"{""z"":1}",2');
    expect(cell(false)).toBe('false');
  });
});
