import { expect, test } from 'vitest';
import type { QuestionPage, ScorecardCell, Scorecards } from '../src/api/catalog-shapes';
import { answered, choicesOf, firstValues, questionsOf, read, sortProblems } from '../src/pages/create/questions';
import { madeWords, ownerReference } from '../src/pages/create/words';
import { below, docsApi, docsPath, pageOfLink } from '../src/pages/docs/paths';
import { aboveOf, edgeWords, extentWords, relationWords } from '../src/pages/graph/words';
import { placeOf, sumsOf } from '../src/pages/ingestion/words';
import { cellText, cellWords, stateOf, toFix } from '../src/pages/scorecards/words';
import { treeOf } from '../src/ui/file-tree';

const page: QuestionPage = {
  title: 'About',
  description: null,
  schema: {
    required: ['name'],
    properties: {
      name: { type: 'string', title: 'Name' },
      agent: { type: 'string', 'ui:field': 'AgentPicker' },
      autonomy: { type: 'integer', enum: [0, 1, 2], enumNames: ['drafts', 'suggests'], default: 1 },
      budget: { type: 'number' },
    },
  },
};

test('a form begins with its defaults and what the address brings', () => {
  expect(questionsOf(page).map(({ name, isRequired }) => [name, isRequired])).toEqual([
    ['name', true],
    ['agent', false],
    ['autonomy', false],
    ['budget', false],
  ]);
  expect(firstValues([page], new URLSearchParams('agent=night-watch&budget=5'))).toEqual({
    agent: 'night-watch',
    autonomy: 1,
    budget: 5,
  });
});

test('answers have the type of their question, and no answer is none', () => {
  expect(read({ type: 'number' }, ' 2.5 ')).toBe(2.5);
  expect(read({ type: 'string', enum: [0, 1] }, '1')).toBe(1);
  expect(read({ type: 'string' }, '1')).toBe('1');
  expect(read({ type: 'number' }, 'many')).toBe('many');
  expect(read({ type: 'string' }, '  ')).toBeUndefined();
  expect(answered({ a: 1, b: 2 }, 'a', undefined)).toEqual({ b: 2 });
  expect(choicesOf({ enum: [0, 1, 2], enumNames: ['drafts', 'suggests'] })).toEqual([
    ['0', 'drafts'],
    ['1', 'suggests'],
    ['2', '2'],
  ]);
});

test('a problem stands below the question it is about', () => {
  const sorted = sortProblems(
    [{ message: '`/name` must be lower case' }, { message: '`/tools/0` is no tool' }, { message: 'line 3 is wrong' }],
    ['name', 'tools'],
  );
  expect(sorted.byName).toEqual({ name: 'must be lower case', tools: 'is no tool' });
  expect(sorted.others.map(({ message }) => message)).toEqual(['line 3 is wrong']);
  expect(
    sortProblems(
      [{ message: '`/`: "purpose" is a required property' }, { message: '`/name` (Name): "A" does not fit' }],
      ['name', 'purpose'],
    ).byName,
  ).toEqual({ purpose: 'is a required property', name: '"A" does not fit' });
  expect(sortProblems([{ message: '`/else` is not known' }], ['name']).others).toHaveLength(1);
});

test('owners are groups unless they say otherwise', () => {
  expect(ownerReference('platform')).toBe('group:default/platform');
  expect(ownerReference('user:ann')).toBe('user:default/ann');
  expect(ownerReference('group:ops/night')).toBe('group:ops/night');
  expect(ownerReference('')).toBeNull();
  expect(madeWords('ai-agent')).toBe('an agent');
  expect(madeWords('website')).toBe('website');
});

test('paths become a tree, folders first', () => {
  const tree = treeOf([{ path: 'b.txt' }, { path: 'docs/x/a.md' }, { path: 'docs/b.md' }, { path: 'a.txt' }]);
  expect(tree.files.map(({ name }) => name)).toEqual(['a.txt', 'b.txt']);
  expect(tree.folders.map(({ path, files }) => [path, files.length])).toEqual([['docs', 1]]);
  expect(tree.folders[0]?.folders[0]?.path).toBe('docs/x');
});

test('links between pages of one documentation stay in the portal', () => {
  const ref = 'component:default/shop';
  expect(pageOfLink(ref, '/catalog/component/default/shop/docs/ops/run%20book.md#stop', 'index.md')).toEqual({
    page: 'ops/run book.md',
    id: 'stop',
  });
  expect(pageOfLink(ref, '#stop', 'index.md')).toEqual({ page: 'index.md', id: 'stop' });
  expect(pageOfLink(ref, '/catalog/component/default/other/docs/a.md', 'index.md')).toBeNull();
  expect(pageOfLink(ref, 'https://example.com/catalog', 'index.md')).toBeNull();
  expect(docsApi(ref, 'ops/run book.md')).toBe('/catalog/entities/component/default/shop/docs/ops/run%20book.md');
  expect(docsPath(ref, 'a.md')).toBe('/catalog/component/default/shop?tab=docs&doc=a.md');
  expect(below('<h1 id="a">A</h1><h10>')).toBe('<h2 data-title="" id="a">A</h2><h10>');
});

const cell = (more: Partial<ScorecardCell>): ScorecardCell => ({
  check: 'c',
  pass: 0,
  fail: 0,
  no_evidence: 0,
  exempt: 0,
  not_applicable: 0,
  ...more,
});

test('one failure of a team is not hidden by what passes, and no evidence is never green', () => {
  expect(stateOf(cell({ pass: 9, fail: 1 }))).toBe('fail');
  expect(stateOf(cell({ pass: 9, no_evidence: 1 }))).toBe('no_evidence');
  expect(stateOf(cell({ pass: 1, not_applicable: 3 }))).toBe('pass');
  expect(stateOf(cell({}))).toBe('not_applicable');
  expect(cellText(cell({ pass: 3, fail: 1, not_applicable: 1 }), 5)).toBe('3/4');
  expect(cellText(cell({ no_evidence: 1 }), 1)).toBe('None');
  expect(cellWords(cell({ pass: 3, fail: 1 }))).toBe('1 failed, 3 passed');
});

test('what to do next begins with the lowest level and with what most agents fail', () => {
  const checks: Scorecards['checks'] = [
    { id: 'b', level: 'controlled', title: 'B', own: false },
    { id: 'a', level: 'known', title: 'A', own: false },
    { id: 'c', level: 'known', title: 'C', own: false },
    { id: 'd', level: 'known', title: 'D', own: false },
  ];
  const row = {
    ref: null,
    title: '',
    agents: 4,
    level: null,
    levels: { none: 0, known: 0, controlled: 0, proven: 0, trusted: 0 },
    cells: [cell({ fail: 4 }), cell({ no_evidence: 2 }), cell({ fail: 1 }), cell({ pass: 4 })],
  };
  const found = toFix({ checks, rows: [row] } as unknown as Scorecards);
  expect(found.map(({ check }) => check.id)).toEqual(['c', 'a', 'b']);
});

test('the words of a graph', () => {
  const edge = {
    from: 'a',
    to: 'b',
    relations: ['consumesApi'],
    provenance: 'both',
    calls: 1204,
    folded: 1,
    points: [],
  } as const;
  expect(edgeWords({ ...edge, relations: [...edge.relations], points: [] })).toBe('both · 1,204×');
  expect(edgeWords({ ...edge, relations: [], points: [], provenance: 'declared', calls: 0, folded: 12 })).toBe(
    '12 · declared',
  );
  expect(relationWords(['consumesApi', 'x'])).toBe('consumes, x');
  const node = {
    id: 'n',
    ref: 'n',
    kind: 'component',
    type: 'ai-agent',
    title: 'N',
    owner: null,
    level: null,
    hops: 1,
    folded: 0,
    x: 0,
    y: 0,
    width: 1,
    height: 1,
  };
  expect(aboveOf({ ...node, origin: 'discovered' })).toBe('Agent · discovered');
  expect(aboveOf({ ...node, origin: 'declared', level: 'known' })).toBe('Agent · Known');
  expect(aboveOf({ ...node, origin: 'folded', ref: null, folded: 3 })).toBe('Agents, 1 step away');
  const graph = {
    root: 'n',
    depth: 2,
    direction: 'both',
    width: 1,
    height: 1,
    nodes: [],
    edges: [],
    total: 8,
    folded: 3,
    truncated: true,
  } as const;
  expect(extentWords({ ...graph, nodes: [], edges: [] })).toMatch(/^At least 7 entities within 2 steps; 3 of them/);
});

test('a place is as exact as it is known', () => {
  expect(placeOf({ source: 'a.yaml', line: 3, column: 7 })).toBe('a.yaml:3:7');
  expect(placeOf({ source: 'a.yaml', line: null, column: 7 })).toBe('a.yaml');
  expect(placeOf({ source: null, line: 3, column: null })).toBe('3');
  expect(sumsOf([])).toEqual({ sources: 0, failing: 0, errors: 0 });
});
