import { describe, expect, test } from 'vitest';
import { listPath, lookedFor, parseFilter } from '../src/pages/decisions/filter';

const resourceOf = (address: string): string | null =>
  new URLSearchParams(listPath(parseFilter(new URLSearchParams(address)), null, 50).split('?')[1]).get('resource');

describe('resources are found as rows show them', () => {
  test('without a kind it is a tool, or what was chosen', () => {
    expect(resourceOf('resource=shop/')).toBe('tool:shop/*');
    expect(resourceOf('resource=gpt&kind=model')).toBe('model:gpt*');
    expect(resourceOf('kind=host')).toBe('host:*');
    expect(resourceOf('')).toBeNull();
  });
  test('a kind in front of the text wins, and colons within a name are none', () => {
    expect(resourceOf('resource=host:example.com:443&kind=tool')).toBe('host:example.com:443*');
    expect(lookedFor({ kind: 'resource', resource: 'file:///etc' })).toEqual({ kind: 'resource', name: 'file:///etc' });
  });
});
