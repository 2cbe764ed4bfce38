import { withQuery } from '../../api/client';

/** Filters and order of the catalog list, as the address writes them; the server understands the same names. */

export const FILTER_NAMES = [
  'q',
  'type',
  'owner',
  'lifecycle',
  'state',
  'level',
  'origin',
  'system',
  'tag',
  'namespace',
  'problems',
] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

export interface CatalogFilter extends Record<FilterName, string> {
  class: string;
  sort: string;
}

/** Two screens of rows. */
const PAGE_ROWS = 50;
/** What the server counts for the filters. */
const FACETS = ['type', 'owner', 'lifecycle', 'state', 'level', 'origin', 'tag'];

export function parseFilter(query: URLSearchParams): CatalogFilter {
  const read = (name: string): string => query.get(name) ?? '';
  const filter = { class: read('class'), sort: read('sort') } as CatalogFilter;
  for (const name of FILTER_NAMES) filter[name] = read(name);
  return filter;
}

export const isFiltered = (filter: CatalogFilter): boolean => FILTER_NAMES.some((name) => filter[name] !== '');

export const listPath = (filter: CatalogFilter): string =>
  withQuery('/catalog/entities', { ...filter, limit: PAGE_ROWS });

/** How many of each class there are under the same filters. */
export function classesPath({ class: _, sort: __, ...rest }: CatalogFilter): string {
  return withQuery('/catalog/facets', { ...rest, facet: 'class' });
}

/** What can be chosen within the class: independent of what is chosen, so that a choice can be changed. */
export function choicesPath(filter: CatalogFilter): string {
  const path = withQuery('/catalog/facets', { class: filter.class });
  const facets = FACETS.map((name) => `facet=${name}`).join('&');
  return `${path}${path.includes('?') ? '&' : '?'}${facets}`;
}

export type SortKey = 'name' | 'class' | 'type' | 'owner' | 'lifecycle' | 'state' | 'level' | 'last_seen';
/** Where the large or the late is what one looks for first. */
const DOWN_FIRST: SortKey[] = ['level', 'last_seen'];

/** How the list is ordered by `key` now: by name when nothing is said. */
export function direction(sort: string, key: SortKey): 'ascending' | 'descending' | null {
  if (sort === key || (sort === '' && key === 'name')) return 'ascending';
  return sort === `-${key}` ? 'descending' : null;
}

/** The order after a press on a heading: first the usual direction, then the other; null is the order by name. */
export function nextSort(sort: string, key: SortKey): string | null {
  const now = direction(sort, key);
  const first = DOWN_FIRST.includes(key) ? 'descending' : 'ascending';
  const next = now === null ? first : now === 'ascending' ? 'descending' : 'ascending';
  const text = next === 'descending' ? `-${key}` : key;
  return text === 'name' ? null : text;
}
