import { describe, expect, test } from 'vitest';
import { agentPath, changeQuery, match, modelPath, runPath } from '../src/router';

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

  test('names of any kind come back as they went in', () => {
    for (const name of ['plain', 'openai/gpt-4o', 'a b?c#d', 'größe', '100%', '..']) {
      expect(match(runPath(name))).toEqual({ page: 'run', runId: name });
      expect(match(agentPath(name))).toEqual({ page: 'agent', agent: name });
      expect(match(modelPath(name))).toEqual({ page: 'model', model: name });
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
