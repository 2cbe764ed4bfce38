import { withQuery } from '../../api/client';

/** Filters of decisions, as the address writes them. */

export interface DecisionFilter {
  agent: string;
  effect: string;
  action: string;
  resource: string;
  enforced: string;
  run: string;
  code: string;
  since: string;
}

export const FILTER_NAMES = ['agent', 'effect', 'action', 'resource', 'enforced', 'run', 'code', 'since'] as const;

export function parseFilter(query: URLSearchParams): DecisionFilter {
  const read = (name: string): string => query.get(name) ?? '';
  return Object.fromEntries(FILTER_NAMES.map((name) => [name, read(name)])) as unknown as DecisionFilter;
}

export const isFiltered = (filter: DecisionFilter): boolean => FILTER_NAMES.some((name) => filter[name] !== '');

/** The server takes a resource as it is or a prefix that ends in `*`: what a person types is a beginning. */
export const asPrefix = (resource: string): string =>
  resource === '' || resource.endsWith('*') ? resource : `${resource}*`;

export function listPath(filter: DecisionFilter, since: string | null, limit: number): string {
  return withQuery('/decisions', { ...filter, resource: asPrefix(filter.resource), since, limit });
}
