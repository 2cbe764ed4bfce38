import { describe, expect, test } from 'vitest';
import {
  actionsOf,
  classOf,
  classWord,
  isClosed,
  levelNumber,
  levelOf,
  otherClasses,
  referenceName,
} from '../src/format/catalog';
import { agentBlock, linksOf, nearPath, observedGroups, refusedOf, relationGroups } from '../src/pages/catalog/about';
import { claimPath } from '../src/pages/catalog/claim';
import {
  choicesPath,
  classesPath,
  direction,
  isFiltered,
  listPath,
  nextSort,
  parseFilter,
} from '../src/pages/catalog/filter';
import { tabsOf, trafficName } from '../src/pages/catalog/tabs';
import { successBand } from '../src/pages/catalog/trend';
import { lookupPath, onlyFound } from '../src/ui/in-catalog';
import { stretches } from '../src/ui/sparkline';
import type { CatalogPage, Envelope, TrendDay } from '../src/api/catalog';

const at = (query: string) => parseFilter(new URLSearchParams(query));

describe('words', () => {
  test('a class follows from kind and type, else it is the kind', () => {
    expect(classOf('Component', 'ai-agent')).toBe('agent');
    expect(classOf('API', 'mcp-server')).toBe('tool_server');
    expect(classOf('API', 'openapi')).toBe('api');
    expect(classOf('Group', 'team')).toBe('group');
    expect(classWord('group', true)).toBe('Teams');
    expect(classWord('something_new')).toBe('something_new');
  });

  test('classes without a tab of their own come in their usual order, unknown ones last', () => {
    expect(otherClasses(['zoo', 'user', 'agent', 'domain', 'api'])).toEqual(['domain', 'user', 'zoo']);
  });

  test('levels count from one, and none is none', () => {
    expect([null, 'known', 'trusted'].map((level) => levelNumber(level as null | 'known'))).toEqual([0, 1, 4]);
    expect([0, 1, 4, 5].map(levelOf)).toEqual([null, 'known', 'trusted', null]);
  });

  test('the usual namespace is not said', () => {
    expect(referenceName('group:default/shop')).toBe('shop');
    expect(referenceName('group:emea/shop')).toBe('emea/shop');
  });

  test('nothing is approved without a review, and nothing comes back from retirement', () => {
    expect(actionsOf('pending')).toEqual(['approve', 'reject']);
    expect(actionsOf('draft')).not.toContain('approve');
    expect(actionsOf('retired')).toEqual([]);
  });
});

describe('the list', () => {
  test('the address holds filters and order, and the server is asked with the same names', () => {
    const filter = at('class=agent&owner=group:default/shop&sort=-level&foreign=1');
    expect(listPath(filter)).toBe('/catalog/entities?class=agent&sort=-level&owner=group%3Adefault%2Fshop&limit=50');
    expect(isFiltered(filter)).toBe(true);
    expect(isFiltered(at('class=agent&sort=name'))).toBe(false);
  });

  test('tabs count under the same filters, choices without them', () => {
    const filter = at('class=agent&q=order&sort=owner');
    expect(classesPath(filter)).toBe('/catalog/facets?q=order&facet=class');
    expect(choicesPath(filter)).toMatch(/^\/catalog\/facets\?class=agent&facet=type&facet=owner&/);
    expect(choicesPath(at('q=order'))).toMatch(/^\/catalog\/facets\?facet=type&/);
  });

  test('a heading orders up, then down; what is large or late begins down', () => {
    expect(direction('', 'name')).toBe('ascending');
    expect(nextSort('', 'name')).toBe('-name');
    expect(nextSort('-name', 'name')).toBeNull();
    expect(nextSort('', 'owner')).toBe('owner');
    expect(nextSort('owner', 'owner')).toBe('-owner');
    expect(nextSort('', 'level')).toBe('-level');
    expect(nextSort('-level', 'level')).toBe('level');
    expect(direction('-level', 'owner')).toBeNull();
  });

  test('an agent is claimed by the golden path, anything else by its document', () => {
    expect(claimPath('component:default/helm-agent-e95f', 'agent', 'Helm Agent')).toBe(
      '/create/default/bring-your-own-agent?agent=Helm+Agent',
    );
    expect(claimPath('resource:default/gpt-4o', 'model', 'openai/gpt-4o')).toBe(
      '/catalog/resource/default/gpt-4o?tab=yaml',
    );
  });
});

describe('an entity', () => {
  test('has the views that mean something for it', () => {
    const ids = (name: string, versions: boolean, docs = false) => tabsOf(name, { versions, docs }).map(({ id }) => id);
    expect(ids('agent', true)).toContain('scorecard');
    expect(ids('group', false)).not.toContain('versions');
    expect(ids('tool_server', true)).toContain('permissions');
    expect(ids('component', false)).not.toContain('runs');
    expect(ids('component', false, true)).toContain('docs');
    expect(ids('agent', true, false)).not.toContain('docs');
  });

  test('traffic may have another name for it', () => {
    const entity = (annotations: Record<string, string>): Envelope => ({
      apiVersion: 'backstage.io/v1alpha1',
      kind: 'Resource',
      metadata: { name: 'llama-3', annotations },
    });
    const named = entity({ 'mizzen.dev/model': 'meta-llama/Llama-3' });
    expect(trafficName({ class: 'model', entity: named })).toBe('meta-llama/Llama-3');
    expect(trafficName({ class: 'tool', entity: named })).toBe('llama-3');
  });

  test('is found by the name that traffic has, which may hold anything', () => {
    const query = new URLSearchParams(lookupPath('meta-llama/Llama 3', 'model').split('?')[1]);
    expect(query.get('class')).toBe('model');
    expect(query.getAll('filter')).toEqual([
      'metadata.name=meta-llama/Llama 3',
      'metadata.annotations.mizzen.dev/model=meta-llama/Llama 3',
    ]);
  });

  test('a name leads to its entity only where one has it', () => {
    const page = (...refs: string[]): CatalogPage => ({ items: refs.map((ref) => ({ ref })) }) as CatalogPage;
    expect(onlyFound(page('component:default/desk'))).toEqual({ ref: 'component:default/desk' });
    expect([undefined, page(), page('component:a/desk', 'component:b/desk')].map(onlyFound)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('what its writer put into `spec` is read with care', () => {
    const entity = (agent: unknown): Envelope => ({
      apiVersion: 'x',
      kind: 'Component',
      metadata: { name: 'a' },
      spec: { agent },
    });
    expect(agentBlock(entity('nonsense'))).toMatchObject({ models: [], tools: [], monthlyUsd: null });
    const read = agentBlock(
      entity({
        models: ['gpt-4o', 7],
        tools: [{ server: 's', tool: 't', approval: true }, 'x'],
        budget: { monthlyUsd: 5 },
      }),
    );
    expect(read?.models).toEqual(['gpt-4o']);
    expect(read?.tools[0]).toEqual({ server: 's', tool: 't', effect: null, approval: true });
    expect(read?.monthlyUsd).toBe(5);
    expect(agentBlock({ apiVersion: 'x', kind: 'API', metadata: { name: 'a' } })).toBeNull();
  });

  test('links that would run a script are left out', () => {
    const links = linksOf({
      apiVersion: 'x',
      kind: 'API',
      metadata: {
        name: 'a',
        links: [{ url: 'javascript:alert(1)' }, { url: 'https://a.example', title: 'A' }, { url: 'data:text/html,x' }],
      },
    });
    expect(links).toEqual([{ url: 'https://a.example', title: 'A' }]);
  });

  test('relations come by kind in the usual order, unknown kinds last and as they are', () => {
    const one = (type: string, target: string) => ({ type, target_ref: target, exists: target !== 'a:b/d' });
    const groups = relationGroups([one('zeta', 'a:b/c'), one('dependsOn', 'a:b/d'), one('ownedBy', 'a:b/e')]);
    expect(groups.map(({ word }) => word)).toEqual(['Owned by', 'Depends on', 'zeta']);
    expect(groups[1]?.targets).toEqual([{ ref: 'a:b/d', exists: false }]);
  });

  test('only what traffic alone shows is told apart, on its side', () => {
    const node = (id: string, folded = 0) => ({
      ...{ id, ref: folded > 0 ? null : id, title: id, kind: 'resource', type: null, folded },
      origin: folded > 0 ? ('folded' as const) : ('discovered' as const),
    });
    const edge = (from: string, to: string, provenance: 'declared' | 'observed' | 'both', folded = 1) => ({
      from,
      to,
      provenance,
      calls: 1,
      folded,
    });
    const groups = observedGroups(
      { ref: 'a:b/c', class: 'agent' },
      {
        nodes: [...['c', 'd', 'e', 'f'].map((name) => node(`a:b/${name}`)), node('more:down', 6), node('more:up', 9)],
        edges: [
          edge('a:b/c', 'a:b/d', 'observed'),
          edge('a:b/c', 'a:b/e', 'both'),
          edge('a:b/f', 'a:b/c', 'observed'),
          edge('a:b/c', 'more:down', 'observed', 6),
          edge('more:up', 'a:b/c', 'both', 9),
        ],
      },
    );
    expect(groups).toEqual([
      { word: 'Seen using', targets: [{ ref: 'a:b/d', exists: true }], more: { count: 6, isBound: false } },
      { word: 'Seen used by', targets: [{ ref: 'a:b/f', exists: true }], more: { count: 9, isBound: true } },
    ]);
    expect(observedGroups({ ref: 'a:b/c', class: 'agent' }, undefined)).toEqual([]);
  });

  test('what was only ever refused is told apart from what was used', () => {
    const node = (ref: string, type: string, title: string) => ({
      ...{ id: ref, ref, kind: 'resource', type, title, folded: 0, origin: 'discovered' as const },
    });
    const item = (name: string, calls: number | null, denied: number | null) => ({
      ...{ name, calls, denied, granted: false, used: true },
    });
    const near = {
      nodes: [
        node('resource:a/refund', 'ai-tool', 'Shop/refund'),
        node('resource:a/find', 'ai-tool', 'shop/find'),
        node('resource:a/own', 'ai-tool', 'own'),
        node('resource:a/gpt', 'ai-model', 'gpt'),
      ],
      edges: [],
    };
    const tools = [item('shop/refund', 0, 2), item('shop/find', 3, 1), item('own', null, null), item('gpt', 0, 1)];
    expect([...refusedOf({ tools, models: [] }, near)]).toEqual(['resource:a/refund']);
    expect([...refusedOf({ tools: [], models: [item('gpt', 0, 1)] }, near)]).toEqual(['resource:a/gpt']);
    expect(refusedOf({ tools, models: [] }, undefined).size).toBe(0);
  });

  test('a tool server was used by who called its tools, and these are not its users', () => {
    const node = (id: string, kind: string, type: string | null, origin: 'discovered' | 'folded' = 'discovered') => ({
      ...{ id, ref: origin === 'folded' ? null : id, title: id, kind, type, origin },
      folded: origin === 'folded' ? 4 : 0,
    });
    const edge = (from: string, to: string, provenance: 'declared' | 'observed' | 'both' = 'observed') => ({
      ...{ from, to, provenance, calls: 1, folded: from.startsWith('more:') ? 3 : 1 },
    });
    const server = { ref: 'api:b/shop', class: 'tool_server' };
    expect(nearPath(server)).toBe('/graph?depth=2');
    const groups = observedGroups(server, {
      nodes: [
        node('api:b/shop', 'api', 'mcp-server'),
        node('resource:b/refund', 'resource', 'ai-tool'),
        node('more:up:1:resource', 'resource', null, 'folded'),
        node('more:up:1:component', 'component', null, 'folded'),
        ...['seen', 'direct', 'promised', 'idle'].map((name) => node(`component:b/${name}`, 'component', 'ai-agent')),
      ],
      edges: [
        edge('resource:b/refund', 'api:b/shop'),
        edge('more:up:1:resource', 'api:b/shop'),
        edge('more:up:1:component', 'api:b/shop'),
        edge('component:b/seen', 'resource:b/refund'),
        edge('component:b/seen', 'more:up:1:resource', 'both'),
        edge('component:b/direct', 'api:b/shop'),
        edge('component:b/promised', 'api:b/shop', 'declared'),
        edge('component:b/promised', 'resource:b/refund'),
        edge('component:b/idle', 'resource:b/refund', 'declared'),
        edge('component:b/idle', 'more:up:1:component'),
      ],
    });
    expect(groups.map(({ word, targets, more }) => [word, targets.map(({ ref }) => ref), more?.count])).toEqual([
      ['Seen used by', ['component:b/seen', 'component:b/direct'], 3],
      ['Seen offering', ['resource:b/refund'], 3],
    ]);
  });
});

describe('a review', () => {
  test('who made a version may take it back by rejecting it, and somebody else approves it', () => {
    const open = (refused: string | null) => actionsOf('pending').filter((action) => !isClosed(action, refused));
    expect(open('four eyes are required')).toEqual(['reject']);
    expect(open(null)).toEqual(['approve', 'reject']);
  });
});

describe('the trend', () => {
  const day = (name: string, ok: number, errors: number): TrendDay => ({
    day: name,
    runs: ok + errors + 1,
    ok,
    errors,
    cost_usd: null,
  });
  const trend = [day('2026-11-01', 9, 1), day('2026-11-02', 0, 0), day('2026-11-03', 10, 0)];

  test('a day without runs has no point, and the interval of few runs is wide', () => {
    const band = successBand(trend);
    expect(band.value).toEqual([0.9, 1]);
    expect(band.at[1]).toBe(Date.parse('2026-11-03') / 1000);
    expect(band.lower[1]).toBeCloseTo(0.692, 3);
    expect(band.upper[1]).toBe(1);
  });

  test('the line breaks where nothing is known', () => {
    const point = (value: number) => ({ value, isThin: false });
    expect(stretches([point(1), point(0.5), null, point(0.7)])).toEqual([
      [
        [0, 1],
        [1, 0.5],
      ],
      [[3, 0.7]],
    ]);
  });
});
