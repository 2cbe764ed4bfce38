import { describe, expect, test } from 'vitest';
import {
  agentPath,
  baselinePath,
  boundaryPath,
  changeQuery,
  evalSetPath,
  experimentPath,
  match,
  modelPath,
  monitorPath,
  runPath,
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
