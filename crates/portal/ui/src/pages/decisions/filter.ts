import { withQuery } from '../../api/client';
import { splitResource } from '../../format/permission';

/** Filters of decisions, as the address writes them. */

export const KINDS: [string, string][] = [
  ['tool', 'Tools'],
  ['model', 'Models'],
  ['resource', 'Resources'],
  ['prompt', 'Prompts'],
  ['route', 'Routes'],
  ['host', 'Hosts'],
];

const ONE_OF: Record<string, string> = {
  tool: 'Tool',
  model: 'Model',
  resource: 'Resource',
  prompt: 'Prompt',
  route: 'Route',
  host: 'Host',
};

/** The server looks for a name among one kind: of tools, unless something else is said. */
export const searched = (kind: string): string => ONE_OF[kind] ?? 'Tool';

export interface DecisionFilter {
  agent: string;
  effect: string;
  action: string;
  kind: string;
  resource: string;
  enforced: string;
  run: string;
  code: string;
  since: string;
}

export const FILTER_NAMES = [
  'agent',
  'effect',
  'action',
  'kind',
  'resource',
  'enforced',
  'run',
  'code',
  'since',
] as const;

export function parseFilter(query: URLSearchParams): DecisionFilter {
  const read = (name: string): string => query.get(name) ?? '';
  return Object.fromEntries(FILTER_NAMES.map((name) => [name, read(name)])) as unknown as DecisionFilter;
}

export const isFiltered = (filter: DecisionFilter): boolean => FILTER_NAMES.some((name) => filter[name] !== '');

/**
 * The kind and the beginning of a name that are looked for. A name that is typed as the rows show it has no kind in front: it is
 * of the chosen kind, or of a tool.
 */
export function lookedFor({ kind, resource }: Pick<DecisionFilter, 'kind' | 'resource'>): {
  kind: string;
  name: string;
} {
  const typed = splitResource(resource);
  if (KINDS.some(([known]) => known === typed.kind)) return typed;
  return { kind: kind || (resource ? 'tool' : ''), name: resource };
}

/** The server takes a resource as it is or a prefix that ends in `*`: what a person types is a beginning. */
export const asPrefix = (resource: string): string =>
  resource === '' || resource.endsWith('*') ? resource : `${resource}*`;

export function listPath(filter: DecisionFilter, since: string | null, limit: number): string {
  const { kind, name } = lookedFor(filter);
  const resource = kind && asPrefix(`${kind}:${name}`);
  return withQuery('/decisions', { ...filter, kind: null, resource, since, limit });
}
