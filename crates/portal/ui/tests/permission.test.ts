import { describe, expect, test } from 'vitest';
import type { Account, Budget, BudgetUnit } from '../src/api/gate';
import { includes } from '../src/api/session';
import type { Impact, PolicyItem } from '../src/api/policies';
import type { ToolDefinition } from '../src/api/tools';
import {
  decidedBy,
  decidedWord,
  left,
  scopeWords,
  splitResource,
  textOf,
  touched,
  windowText,
} from '../src/format/permission';
import { callerName } from '../src/format/name';
import { about, kindWord } from '../src/pages/audit/words';
import { byWeight, impactWords, startingText, withMode } from '../src/pages/boundaries/text';
import { agentBudgets } from '../src/pages/catalog/agent-budgets';
import { budgetOf, limitsText, resetText, share, whoText } from '../src/pages/budgets/words';
import { asPrefix, isFiltered, listPath, parseFilter } from '../src/pages/decisions/filter';
import { wayOut } from '../src/pages/decisions/way-out';
import { byConcern, commandWords, membersOf, membersText, descriptionOf, printed } from '../src/pages/tools/words';

describe('words', () => {
  test('a decision that did not hold says so', () => {
    expect(decidedWord('deny', true)).toBe('Deny');
    expect(decidedWord('deny', false)).toBe('Would deny');
    expect(decidedWord('needs_approval', false)).toBe('Would ask a human');
    expect(decidedWord('needs_approval', true, 'enforce')).toBe('Needs approval');
    expect(decidedWord('needs_approval', false, 'enforce')).toBe('Approved');
    expect(decidedWord('allow', false)).toBe('Allow');
  });
  test('a rule leads to its text, and what decided without a rule is named', () => {
    expect(['refund-desk:13/beyond-limits', 'refund-desk:11', 'builtin:three-together'].map(textOf)).toEqual([
      'refund-desk',
      'refund-desk',
      null,
    ]);
    const reason = '`refund-desk` (line 15) needs evidence: `contains` of at least 0.8';
    expect(decidedBy({ code: 'evidence_missing', reason })).toEqual({ name: 'refund-desk', line: '15' });
    expect(decidedBy({ code: 'budget_exhausted', reason: '' })).toEqual({ word: 'a budget', page: '/budgets' });
    expect(decidedBy({ code: null, reason: 'no boundary names `b`' })).toEqual({
      word: 'no rule: what nothing permits is refused',
    });
  });
  test('time left counts down and ends', () => {
    const now = Date.parse('2026-11-25T12:00:00Z');
    const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();
    expect([at(45), at(245), at(7_500), at(300_000), at(0), at(-5)].map((until) => left(until, now))).toEqual([
      '45 s',
      '4 m 05 s',
      '2 h 05 m',
      '3 d',
      null,
      null,
    ]);
  });
  test('scopes, resources, windows and what was touched', () => {
    expect(scopeWords({ kind: 'all', name: null })).toBe('All agents');
    expect(scopeWords({ kind: 'team', name: 'support' })).toBe('The team support');
    expect(splitResource('tool:helm/list')).toEqual({ kind: 'tool', name: 'helm/list' });
    expect(splitResource('https')).toEqual({ kind: '', name: 'https' });
    expect(windowText('day', null)).toBe('a day');
    expect([windowText('seconds', 7_200), windowText('seconds', 90)]).toEqual(['2 hours', '1 m 30 s']);
    expect(touched({ private_data: true, untrusted_content: false, outside_reached: true })).toEqual([
      'private data',
      'the outside',
    ]);
  });
  test('each role includes those before it', () => {
    expect(includes('approver', 'developer')).toBe(true);
    expect(includes('viewer', 'developer')).toBe(false);
    expect(includes('administrator', 'administrator')).toBe(true);
  });
});

describe('boundaries', () => {
  test('the mode is replaced where it stands, and its remark stays', () => {
    const text = 'kind: Boundary\nmetadata: {name: a}\nspec:\n  mode: observe # for a week\n  tools: []\n';
    expect(withMode(text, 'enforce')).toBe(text.replace('mode: observe', 'mode: enforce'));
    const without = 'spec:\n    tools:\n      - mode: observe\nkind: Boundary\n';
    expect(withMode(without, 'enforce')).toBe(without.replace('spec:\n', 'spec:\n    mode: enforce\n'));
    expect(withMode('spec: {mode: observe}\n', 'enforce')).toBe('spec: {mode: observe}\n');
    expect(startingText('helm')).toContain('name: helm\nspec:\n  mode: observe\n  agents: [helm]');
  });
  test('what is enforced comes first', () => {
    const item = (name: string, mode: PolicyItem['mode']): PolicyItem => ({ name, mode }) as PolicyItem;
    const sorted = byWeight([item('b', 'observe'), item('c', null), item('z', 'enforce'), item('a', 'observe')]);
    expect(sorted.map(({ name }) => name)).toEqual(['z', 'a', 'b', 'c']);
  });
  test('impact says what it cannot say', () => {
    const impact = (more: Partial<Impact>): Impact =>
      ({
        as_enforced: [],
        examined: 1_200,
        changed: 35,
        already_different: 0,
        not_replayed: 0,
        not_replayed_reasons: {},
        ...more,
      }) as Impact;
    expect(impactWords(impact({}))).toBe('35 of 1,200 decisions would be different.');
    expect(
      impactWords(impact({ changed: 0, not_replayed: 20, not_replayed_reasons: { arguments_not_kept: 20 } })),
    ).toBe(
      'None of 1,200 decisions would be different. 20 could not be asked again: 20 because their arguments were not kept.',
    );
    expect(impactWords(impact({ as_enforced: ['helm'] }))).toBe(
      '35 of 1,200 decisions would be different if it enforced.',
    );
    expect(impactWords(impact({ changed: 0, already_different: 39 }))).toBe(
      'None of 1,200 decisions would be different. 39 are different already under what is in force.',
    );
    expect(impactWords(impact({ examined: 0 }))).toContain('nothing can be said');
  });
});

describe('filters of decisions', () => {
  test('the address and the path say the same', () => {
    const filter = parseFilter(new URLSearchParams('agent=helm&effect=deny&since=24h&resource=tool:helm'));
    expect(isFiltered(filter)).toBe(true);
    expect(listPath(filter, '2026-11-24T00:00:00Z', 50)).toBe(
      '/decisions?agent=helm&effect=deny&resource=tool%3Ahelm*&since=2026-11-24T00%3A00%3A00Z&limit=50',
    );
    expect(isFiltered(parseFilter(new URLSearchParams('decision=dec_1')))).toBe(false);
  });
  test('what is typed is a beginning', () => {
    expect(['', 'tool:a', 'tool:a*'].map(asPrefix)).toEqual(['', 'tool:a*', 'tool:a*']);
  });
  test('a refusal names the way out, an allow has none', () => {
    expect(wayOut({ effect: 'deny', code: 'evidence_missing' })).toContain('Evaluate this very digest');
    expect(wayOut({ effect: 'allow', code: 'policy_denied' })).toBeNull();
    expect(wayOut({ effect: 'deny', code: 'no_such_code' })).toBeNull();
  });
});

describe('tools', () => {
  const tool = (name: string, state: ToolDefinition['state'], findings = 0): ToolDefinition =>
    ({ tool: name, state, findings: Array.from({ length: findings }) }) as ToolDefinition;
  test('what is withheld comes first, the suspicious before', () => {
    const sorted = byConcern([
      tool('a', 'pinned'),
      tool('b', 'withheld'),
      tool('c', 'gone'),
      tool('d', 'withheld', 1),
      tool('e', 'pinned', 1),
    ]);
    expect(sorted.map((one) => one.tool)).toEqual(['d', 'b', 'e', 'c', 'a']);
  });
  test('the order of keys is no difference', () => {
    expect(printed({ b: [{ d: 1, c: 2 }], name: 'x' })).toBe(printed({ name: 'x', b: [{ c: 2, d: 1 }] }));
    expect(descriptionOf({ name: 'x', description: 'Finds.\nOrders. ' })).toBe('Finds.\nOrders.');
    expect([null, {}, { description: 3 }].map(descriptionOf)).toEqual(['', '', '']);
    expect(printed({ b: [1, 2] })).not.toBe(printed({ b: [2, 1] }));
  });
  test('a command line becomes its words', () => {
    expect(commandWords(`npx -y "my server" 'a b' --x="1"`)).toEqual(['npx', '-y', 'my server', 'a b', '--x="1"']);
    expect(commandWords('  ')).toEqual([]);
  });
});

describe('a profile as lines', () => {
  const shop = { server: 'shop', tools: ['get_*', 'refund'], prompts: [], resources: ['*'] };
  const files = { server: 'files', tools: ['*'], prompts: ['*'], resources: ['*'] };
  test('comes back as it went in, with what the lines do not say', () => {
    expect(membersText([shop, files])).toBe('shop: get_*, refund\nfiles');
    expect(membersOf('shop: get_*, refund\n\nfiles', [shop])).toEqual({ servers: [shop, files] });
  });
  test('what cannot be is said', () => {
    expect(membersOf('shop get', [])).toHaveProperty('problem');
    expect(membersOf('shop\nshop: a', [])).toEqual({ problem: '`shop` is there twice' });
    expect(membersOf(' ', [])).toEqual({ problem: 'name at least one server' });
  });
});

describe('budgets', () => {
  const typed = (values: Record<string, string>) =>
    budgetOf((name) => ({ per: 'agent', mode: 'enforce', window: 'day', ...values })[name] ?? '');
  test('empty limits do not limit, but one must', () => {
    expect(typed({ cost_usd: '5', agent: 'helm-*' })).toEqual({
      agent: 'helm-*',
      team: null,
      per: 'agent',
      mode: 'enforce',
      window: 'day',
      window_seconds: null,
      limits: { cost_usd: 5, tokens: null, calls: null, seconds: null },
    });
    expect(typed({})).toEqual({ problem: 'set at least one limit' });
    expect(typed({ calls: '-1' })).toHaveProperty('problem');
    expect(typed({ calls: '0', window: 'seconds', window_seconds: '90' })).toMatchObject({ window_seconds: 90 });
  });
  test('in words', () => {
    expect(limitsText({ limits: { cost_usd: 5, tokens: null, calls: 2_000, seconds: null } })).toBe(
      '$5.00 and 2,000 calls',
    );
    expect(limitsText({ limits: { cost_usd: null, tokens: 1, calls: 1, seconds: null } })).toBe('1 token and 1 call');
    expect(whoText({ agent: 'helm-*', team: null, per: 'session' })).toBe('agent helm-*, for each session');
    expect([share(1, 4), share(9, 4), share(0, 0)]).toEqual([0.25, 1, 1]);
    expect([resetText(null, 0), resetText('1970-01-01T00:01:00Z', 0), resetText('1970-01-01T00:00:00Z', 5)]).toEqual([
      'never',
      'in 1 m 00 s',
      'now',
    ]);
  });
});

describe('budgets of an agent', () => {
  const none = { cost_usd: null, tokens: null, calls: null, seconds: null };
  const budget = (name: string, more: Partial<Budget>): Budget => ({
    ...{ name, origin: 'set', agent: null, team: null, per: 'agent', mode: 'enforce', window: 'day' },
    ...{ window_seconds: 86_400, set_by: null, set_at: null, limits: none, accounts: [], accounts_more: 0 },
    ...more,
  });
  const account = (subject: string, unit: BudgetUnit, limit: number, spent: number, reserved = 0): Account => ({
    ...{ subject, starts_at: null, resets_at: null, exhausted: false },
    limits: [{ unit, limit, spent, reserved, left: limit - spent - reserved }],
  });
  test('a limit of whatever unit counts, and the one nearest to its end is shown', () => {
    const calls = budget('boundary/helm/1', {
      ...{ origin: 'boundary', agent: 'desk, helm-*', limits: { ...none, calls: 100 } },
      accounts: [account('other', 'calls', 100, 99), account('helm-1', 'calls', 100, 10, 1)],
    });
    const tokens = budget('tokens', { per: 'everyone', limits: { ...none, tokens: 100 } });
    const run = budget('run', { per: 'run', limits: { ...none, calls: 40 } });
    expect(agentBudgets('helm-1', null, [run, tokens, calls])).toEqual({
      nearest: {
        ...{ budget: 'boundary/helm/1', isEnforced: true, window: 'a day', unit: 'calls' },
        ...{ limit: 100, spent: 11, left: 89 },
      },
      other: null,
      more: 2,
    });
    expect(agentBudgets('helm-1', null, [tokens]).nearest).toMatchObject({ unit: 'tokens', spent: 0, left: 100 });
    expect(agentBudgets('xhelm-1', null, [calls])).toEqual({ nearest: null, other: null, more: 0 });
  });
  test('what was spent is not made up where the account is not known', () => {
    const run = budget('run', { per: 'run', limits: { ...none, calls: 40, tokens: 9 } });
    const hidden = budget('many', { accounts_more: 3, limits: { ...none, calls: 5 } });
    const team = budget('team', { team: 'ops', limits: { ...none, calls: 5 } });
    expect(agentBudgets('helm', null, [run, hidden, team])).toEqual({
      nearest: null,
      other: { budget: 'run', limits: '9 tokens and 40 calls', per: 'for each run' },
      more: 1,
    });
    const figures = {
      name: 'team',
      mode: 'observe',
      window: 'day',
      limit_usd: 4,
      spent_usd: 1,
      left_usd: 3,
      ends_at: null,
    };
    expect(agentBudgets('helm', figures, [])).toMatchObject({
      nearest: { budget: 'team', isEnforced: false, unit: 'cost_usd', spent: 1, left: 3 },
      more: 0,
    });
  });
});

test('entries of the log in words', () => {
  expect(kindWord('sign_in_refused')).toBe('Sign-in refused');
  expect(kindWord('something_new')).toBe('something new');
  expect(about({ v: 1, at: '', kind: 'decision', resource: 'tool:helm/list' })).toBe('helm/list');
  expect(about({ v: 1, at: '', kind: 'sign_in_refused', code: 'wrong_token' })).toBe('wrong token');
  expect(callerName('agent:default/helm-agent')).toBe('helm-agent');
});
