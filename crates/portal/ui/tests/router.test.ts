import { describe, expect, test } from 'vitest';
import {
  agentPath,
  baselinePath,
  boundaryPath,
  changeQuery,
  entityPath,
  evalSetPath,
  experimentPath,
  match,
  modelPath,
  monitorPath,
  runPath,
  splitReference,
  templatePath,
  toolServerPath,
} from '../src/router';

describe('router', () => {
  test('knows every page', () => {
    expect(['/', '/runs', '/agents/', '/models', '/sql', '/settings'].map((path) => match(path).page)).toEqual([
      'home',
      'runs',
      'agents',
      'models',
      'sql',
      'settings',
    ]);
    expect(['/nothing', '/runs/a/b', '/sql/x', '/settings/keys'].map((path) => match(path).page)).toEqual([
      'missing',
      'missing',
      'missing',
      'missing',
    ]);
  });

  test('knows the pages of the catalog', () => {
    const at = (path: string) => match(path);
    expect(
      ['/catalog', '/catalog/reviews', '/catalog/graph', '/catalog/scorecards', '/catalog/ingestion', '/create'].map(
        (path) => at(path).page,
      ),
    ).toEqual(['catalog', 'reviews', 'dependency-graph', 'scorecards', 'ingestion', 'create']);
    expect(at('/catalog/component/default/helm-agent')).toEqual({
      page: 'entity',
      id: 'component:default/helm-agent',
    });
    expect(at('/catalog/component/default/helm-agent/docs/guides/start.md')).toEqual(
      at('/catalog/component/default/helm-agent'),
    );
    expect(at('/create/default/agent-rag')).toEqual({ page: 'template', id: 'template:default/agent-rag' });
    for (const path of ['/catalog/nothing', '/catalog/component/default', '/catalog/a/b/c/d', '/create/default']) {
      expect(at(path).page).toBe('missing');
    }
  });

  test('an entity has one address, whatever is in its name', () => {
    const reference = 'resource:default/meta-llama%2F:3.1';
    expect(match(entityPath(reference, 'versions').split('?')[0] ?? '')).toEqual({ page: 'entity', id: reference });
    expect(entityPath('api:team-a/orders', 'docs')).toBe('/catalog/api/team-a/orders?tab=docs');
    expect(splitReference('component:default/a:b')).toEqual({ kind: 'component', namespace: 'default', name: 'a:b' });
    expect(templatePath('default', 'agent rag')).toBe('/create/default/agent%20rag');
  });

  test('knows the pages of evaluation', () => {
    const at = (path: string) => match(`/evaluations${path}`);
    expect(
      ['', '/', '/compare', '/sets', '/evaluators', '/monitors', '/labels/', '/baselines', '/plan'].map(
        (path) => at(path).page,
      ),
    ).toEqual([
      'experiments',
      'experiments',
      'compare',
      'sets',
      'evaluators',
      'monitors',
      'labels',
      'baselines',
      'plan',
    ]);
    expect(['/experiments', '/nothing', '/compare/x', '/monitors/a/b'].map((path) => at(path).page)).toEqual(
      Array(4).fill('missing'),
    );
  });

  test('knows the pages of permission', () => {
    const paths = [
      '/approvals',
      '/boundaries',
      '/boundaries/helm',
      '/decisions',
      '/tools',
      '/tools/files',
      '/budgets',
      '/audit',
    ];
    expect(paths.map((path) => match(path).page)).toEqual([
      'approvals',
      'boundaries',
      'boundary',
      'decisions',
      'tools',
      'tool-server',
      'budgets',
      'audit',
    ]);
    expect(['/approvals/x', '/boundaries/a/b', '/audit/1', '/decisions/d'].map((path) => match(path).page)).toEqual(
      Array(4).fill('missing'),
    );
  });

  test('names of any kind come back as they went in', () => {
    for (const name of ['plain', 'openai/gpt-4o', 'a b?c#d', 'größe', '100%', '..']) {
      expect(match(runPath(name))).toEqual({ page: 'run', runId: name });
      expect(match(agentPath(name))).toEqual({ page: 'agent', agent: name });
      expect(match(modelPath(name))).toEqual({ page: 'model', model: name });
      expect(match(experimentPath(name))).toEqual({ page: 'experiment', id: name });
      expect(match(evalSetPath(name))).toEqual({ page: 'set', id: name });
      expect(match(monitorPath(name))).toEqual({ page: 'monitor', id: name });
      expect(match(boundaryPath(name))).toEqual({ page: 'boundary', id: name });
      expect(match(toolServerPath(name))).toEqual({ page: 'tool-server', id: name });
      expect(match(baselinePath(name))).toEqual({ page: 'baseline', id: name });
    }
  });

  test('a broken escape is taken as it stands', () => {
    expect(match('/runs/%zz')).toEqual({ page: 'run', runId: '%zz' });
  });

  test('changes of the query leave the rest alone', () => {
    expect(changeQuery('a=1&b=2', { b: null, c: 'x y' })).toBe('a=1&c=x+y');
    expect(changeQuery('', {})).toBe('');
  });
});
