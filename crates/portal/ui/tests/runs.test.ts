import { describe, expect, test } from 'vitest';
import type { RunSummary } from '../src/api/shapes';
import { isFiltered, listPath, matches, parseFilter } from '../src/pages/runs/filter';
import { insert, merge } from '../src/pages/runs/merge';

const NOW = Date.parse('2026-11-22T10:00:00Z');

function run(id: string, more: Partial<RunSummary> = {}): RunSummary {
  return {
    run_id: id,
    revision: 1,
    is_final: false,
    agent: 'a',
    title: id,
    session: null,
    caller: null,
    service: null,
    started_at: '2026-11-22T09:00:00Z',
    duration_ns: 1,
    outcome: 'ok',
    error_message: null,
    spans: 1,
    steps: 1,
    model_calls: 1,
    tool_calls: 0,
    errors: 0,
    usage: { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 },
    cost_usd: null,
    unpriced_calls: 0,
    models: ['m'],
    confinement: null,
    ...more,
  };
}
const filter = (text: string) => parseFilter(new URLSearchParams(text));

describe('filter', () => {
  test('asks the server in its own words', () => {
    expect(listPath(filter('agent=x&outcome=error&since=24h'), 50, null, NOW)).toBe(
      '/runs?agent=x&outcome=error&from=2026-11-21T10%3A00%3A00.000Z&limit=50',
    );
    expect(listPath(filter(''), 50, 'abc', NOW)).toBe('/runs?cursor=abc&limit=50');
    expect([isFiltered(filter('')), isFiltered(filter('q=x'))]).toEqual([false, true]);
  });

  test('judges news as the server would, and says when it cannot', () => {
    expect(matches(run('1'), filter('agent=a&model=m&outcome=ok'), NOW)).toBe(true);
    expect(matches(run('1'), filter('agent=b'), NOW)).toBe(false);
    expect(matches(run('1'), filter('model=other'), NOW)).toBe(false);
    expect(matches(run('1', { started_at: '2026-11-21T09:00:00Z' }), filter('since=24h'), NOW)).toBe(false);
    expect(matches(run('1'), filter('q=text'), NOW)).toBeNull();
    expect(matches(run('1'), filter('q=text&agent=b'), NOW)).toBe(false);
  });
});

describe('news in a list', () => {
  test('known rows change in place, unknown ones wait', () => {
    const items = [run('1'), run('2')];
    const { items: after, fresh } = merge(items, [run('2', { spans: 5 }), run('3')]);
    expect(after.map(({ run_id, spans }) => [run_id, spans])).toEqual([
      ['1', 1],
      ['2', 5],
    ]);
    expect(after[0]).toBe(items[0]);
    expect(fresh.map(({ run_id }) => run_id)).toEqual(['3']);
  });

  test('news that is overtaken changes nothing', () => {
    const items = [run('1', { revision: 2, spans: 9 })];
    expect(merge(items, [run('1', { revision: 1, spans: 20 })]).items).toBe(items);
    expect(merge(items, [run('1', { revision: 2, spans: 8 })]).items).toBe(items);
  });

  test('rows are put in by their start, once', () => {
    const items = [run('b', { started_at: '2026-11-22T08:00:00Z' }), run('a', { started_at: '2026-11-22T06:00:00Z' })];
    const after = insert(items, [run('c', { started_at: '2026-11-22T07:00:00Z' }), run('b')]);
    expect(after.map(({ run_id }) => run_id)).toEqual(['b', 'c', 'a']);
  });
});
