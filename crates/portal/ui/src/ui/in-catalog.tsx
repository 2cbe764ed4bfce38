import { useData } from '../api/cache';
import type { CatalogPage } from '../api/catalog';
import { referenceName } from '../format/catalog';
import { entityPath } from '../router';
import { Icon } from './icon';
import { useLater } from './later';

/** Where the name in traffic is an annotation's. */
const ANNOTATIONS = { agent: 'mizzen.dev/agent', model: 'mizzen.dev/model', tool_server: 'mizzen.dev/tool-server' };
type Seen = keyof typeof ANNOTATIONS;

/** From what traffic shows to the entity in the catalog: who owns it, and whether it has earned its place. */
export function InCatalog({ name, as }: { name: string; as: Seen }) {
  return useLater() ? <CatalogLink name={name} as={as} /> : null;
}

function CatalogLink({ name, as }: { name: string; as: Seen }) {
  const found = onlyFound(useData<CatalogPage>(lookupPath(name, as)).data.value);
  if (!found) return null;
  return (
    <a class="button small" href={entityPath(found.ref)} title={found.ref}>
      <Icon name="catalog" /> {found.owner ? `Owned by ${referenceName(found.owner)}` : 'Nobody owns it'}
    </a>
  );
}

/** The one that was found; of two, the name does not say which is meant. */
export const onlyFound = (page: CatalogPage | undefined): CatalogPage['items'][number] | undefined =>
  page?.items.length === 1 ? page.items[0] : undefined;

/** Either the entity carries the name itself, or an annotation does. */
export function lookupPath(name: string, as: Seen): string {
  const filters = [`metadata.name=${name}`, `metadata.annotations.${ANNOTATIONS[as]}=${name}`];
  const query = new URLSearchParams([['class', as], ...filters.map((filter) => ['filter', filter]), ['limit', '2']]);
  return `/catalog/entities?${query}`;
}
