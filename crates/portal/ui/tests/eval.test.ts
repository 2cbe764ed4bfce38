import { describe, expect, test } from 'vitest';
import type { Aggregate, CaseResult, CaseTrial, Estimate, Metric } from '../src/api/eval';
import type { RunSummary } from '../src/api/shapes';
import { countsOf } from '../src/pages/eval/baseline-form';
import { byNeed, isOwnRun, worstTrial } from '../src/pages/eval/case-order';
import { begin, decide, extend, keyMeaning, labelledIn, returned, undo } from '../src/pages/eval/label-queue';
import {
  alarmNearness,
  clusterWords,
  comparedSentence,
  headline,
  intervalWords,
  monitorState,
  needsSet,
  passedWords,
  promiseWords,
  selectorWords,
  shortDigest,
  skippedWords,
} from '../src/pages/eval/words';

const estimate = (value: number, more: Partial<Estimate> = {}): Estimate => ({
  value,
  lower: value - 0.1,
  upper: value + 0.1,
  confidence: 0.95,
  method: 'cluster_t',
  n: 96,
  clusters: 24,
  note: null,
  ...more,
});

const aggregate = (more: Partial<Aggregate> = {}): Aggregate => ({
  evaluator: { name: 'tool_trajectory', version: '1', digest: 'sha256:ab' },
  unit: null,
  threshold: 1,
  scored: 96,
  not_evaluated: 0,
  failed: 0,
  passed: 75,
  mean: estimate(0.81),
  pass_rate: estimate(0.78),
  pass_hat: [],
  icc: 0.4,
  design_effect: 2.2,
  reasons: [],
  ...more,
});

describe('an evaluator in words', () => {
  test('the pass rate stands for it where there is one', () => {
    expect(headline(aggregate()).unit).toBe('share');
    expect(headline(aggregate({ pass_rate: null, unit: 'usd' }))).toEqual({ estimate: estimate(0.81), unit: 'usd' });
    expect(passedWords(aggregate())).toBe('75 of 96 trials of 24 cases passed');
    expect(passedWords(aggregate({ passed: null, pass_rate: null }))).toBe('mean of 96 trials of 24 cases');
  });
  test('the interval is said, or why there is none', () => {
    expect(intervalWords(aggregate())).toBe('With 95% confidence the true pass rate lies between 68.0% and 88.0%.');
    const one = estimate(1, { lower: null, upper: null, note: 'only one case' });
    expect(intervalWords(aggregate({ pass_rate: one }))).toBe('No interval: only one case.');
    expect(intervalWords(aggregate({ pass_rate: null, mean: null }))).toContain('nothing to estimate');
  });
  test('clustering is explained only where it matters', () => {
    expect(clusterWords(aggregate())).toContain('the 96 trials tell as much as 44 independent ones');
    expect(clusterWords(aggregate({ design_effect: 1 }))).toBeNull();
    expect(clusterWords(aggregate({ icc: null }))).toBeNull();
  });
});

describe('a comparison in one unit', () => {
  const metric = (sentence: string, more: Partial<Metric> = {}): Metric =>
    ({
      unit: null,
      sentence,
      difference: { ...estimate(-0.16), lower: -0.29, upper: 0.02 },
      ...more,
    }) as Metric;
  test('proportions are read as percent, whatever the server writes', () => {
    expect(comparedSentence(metric('B is worse: the difference is -0.16 (-0.29 to 0.02)'), null)).toBe(
      'B is worse: the difference is −16.0% (−29.0% to +2.0%)',
    );
    expect(comparedSentence(metric('B is no worse by more than 0.05: the difference is -0.16'), 0.05)).toContain(
      'by more than 5.0%: the difference is −16.0%',
    );
  });
  test('other units keep theirs, and what has no difference its words', () => {
    expect(comparedSentence(metric('B is worse: the difference is 2', { unit: 'calls' }), null)).toContain('−0.16 (');
    expect(comparedSentence(metric('3 cases are in both: too few'), null)).toBe('3 cases are in both: too few');
  });
});

describe('other words', () => {
  test('what was left out, and which runs', () => {
    expect(skippedWords({ not_final: 2, no_case: 0, unreadable: 1, other_version: 0 })).toBe(
      '2 still going, 1 unreadable',
    );
    expect(skippedWords({ not_final: 0, no_case: 0, unreadable: 0, other_version: 0 })).toBe('');
    expect(selectorWords({ agent: 'helm', outcome: 'ok', from: '2026-11-01T00:00:00Z', run_ids: [] })).toBe(
      'helm, outcome ok, since 2026-11-01',
    );
    expect(selectorWords({})).toBe('all runs');
    expect(shortDigest('sha256:0123456789abcdef')).toBe('0123456789ab');
    expect([needsSet(['expected_response']), needsSet(['response', 'judge'])]).toEqual([true, false]);
  });
  test('a monitor promises its error rates', () => {
    const promise = { alpha: 0.05, average_run_length: 10_000, unit_of_count: 'session' as const, baseline: 0.9 };
    expect(promiseWords(promise)).toBe(
      'However often one looks, the chance that the band ever misses the true value is at most 5%. While nothing is wrong, a false alarm comes on average once in 10,000 sessions or less often.',
    );
    expect(promiseWords({ ...promise, baseline: null })).toContain('never raises an alarm');
  });
  test('states of a monitor, and how near the alarm is', () => {
    expect(['alarmed', 'watching'].map((state) => monitorState({ state }))).toEqual(['alarmed', 'watching']);
    expect([
      alarmNearness(null, 100),
      alarmNearness(0.2, 100),
      alarmNearness(10, 100),
      alarmNearness(1e9, 100),
    ]).toEqual([0, 0, 0.5, 1]);
  });
});

const trial = (status: CaseTrial['status'], verdict: CaseTrial['verdict'] = null, value = 0): CaseTrial => ({
  run_id: `${status}-${verdict}-${value}`,
  revision: 1,
  status,
  value,
  verdict,
  explanation: null,
});
const result = (name: string, passed: number | null, runs: CaseTrial[]): CaseResult => ({
  case: name,
  evaluator: 'e',
  trials: runs.length,
  scored: runs.filter(({ status }) => status === 'scored').length,
  passed,
  mean: null,
  runs,
});

describe('cases', () => {
  test('failing ones first, then what broke, then what was not evaluated', () => {
    const pass = trial('scored', 'pass', 1);
    const fail = trial('scored', 'fail', 0.2);
    const cases = [
      result('good', 2, [pass, pass]),
      result('not evaluated', null, [trial('not_evaluated')]),
      result('broken', null, [trial('failed')]),
      result('half', 1, [pass, fail]),
      result('bad', 0, [fail, fail]),
      result('good too', 1, [pass]),
    ];
    expect(byNeed(cases).map((one) => one.case)).toEqual([
      'bad',
      'half',
      'broken',
      'not evaluated',
      'good',
      'good too',
    ]);
  });
  test('the worst trial is the one to open', () => {
    const runs = [
      trial('scored', 'pass', 1),
      trial('not_evaluated'),
      trial('scored', 'fail', 0.5),
      trial('scored', 'fail', 0.1),
    ];
    expect(worstTrial(runs)?.value).toBe(0.1);
    expect(worstTrial(runs.slice(0, 2))?.status).toBe('not_evaluated');
    expect(worstTrial([])).toBeUndefined();
  });
  test('without a set a run stands for itself', () => {
    const run = { run_id: 'r1' } as CaseTrial;
    expect(isOwnRun({ case: 'r1', runs: [run] })).toBe(true);
    expect(isOwnRun({ case: 'refund', runs: [run] })).toBe(false);
    expect(isOwnRun({ case: 'r1', runs: [run, run] })).toBe(false);
  });
});

const run = (id: string): RunSummary => ({ run_id: id }) as RunSummary;
const ids = (runs: RunSummary[]): string[] => runs.map((one) => one.run_id);

describe('the queue of labels', () => {
  const start = begin([run('a'), run('b'), run('c')], 'b');
  test('begins with the run that the address names', () => {
    expect(ids(start.waiting)).toEqual(['b', 'a', 'c']);
    expect(ids(begin([run('a')], 'gone').waiting)).toEqual(['a']);
  });
  test('decisions can be taken back in their order', () => {
    const decided = decide(decide(start, 1), null);
    expect([ids(decided.waiting), labelledIn(decided)]).toEqual([['c'], 1]);
    expect(ids(undo(decided).waiting)).toEqual(['a', 'c']);
    expect(undo(undo(undo(decided)))).toEqual(start);
    expect(decide(begin([], null), 1)).toEqual({ waiting: [], decided: [] });
  });
  test('a label that was refused brings its run back', () => {
    const decided = decide(decide(start, 1), 0);
    expect(ids(returned(decided, 'b').waiting)).toEqual(['b', 'c']);
    expect(labelledIn(returned(decided, 'b'))).toBe(1);
    expect(returned(decided, 'gone')).toEqual(decided);
  });
  test('more runs come without those already met', () => {
    expect(ids(extend(decide(start, 1), [run('b'), run('a'), run('d')]).waiting)).toEqual(['a', 'c', 'd']);
  });
  test('keys', () => {
    expect(['1', 'y', '0', 'n', '5', 's', 'u', 'x'].map(keyMeaning)).toEqual([
      { decision: 1 },
      { decision: 1 },
      { decision: 0 },
      { decision: 0 },
      { decision: 0.5 },
      { decision: null },
      'undo',
      null,
    ]);
  });
});

describe('the form of a baseline', () => {
  const typed = { metric: ' ', n: '200', successes: '188', safetyEvents: '', costPerCase: '4.2', minutesPerCase: '12' };
  test('what is per case becomes a total; what is empty stays unknown', () => {
    expect(countsOf(typed)).toEqual({
      metric: 'success',
      n: 200,
      successes: 188,
      cost_usd_total: 840,
      duration_seconds_total: 144_000,
    });
    expect(countsOf({ ...typed, safetyEvents: '0' })).toHaveProperty('safety_events', 0);
  });
  test('what cannot be is said', () => {
    expect(countsOf({ ...typed, successes: '201' })).toEqual({ problem: '201 of 200 cases cannot have gone well' });
    expect(countsOf({ ...typed, n: '' })).toHaveProperty('problem');
    expect(countsOf({ ...typed, costPerCase: '-1' })).toEqual({ problem: 'every number must be 0 or more' });
  });
});
