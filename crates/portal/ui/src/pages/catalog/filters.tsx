import { useData } from '../../api/cache';
import type { Facets, FacetValue, VersionState } from '../../api/catalog';
import { levelOf, levelWord, referenceName, stateWord } from '../../format/catalog';
import { exact } from '../../format/number';
import { setQuery } from '../../location';
import { Given, Pick, TextFilter } from '../../ui/filter';
import { choicesPath, FILTER_NAMES, isFiltered, type CatalogFilter, type FilterName } from './filter';

/** What can be chosen, with how many of each there are. */
export function Filters({ filter }: { filter: CatalogFilter }) {
  const facets = useData<Facets>(choicesPath(filter)).data.value?.facets ?? {};
  const clear = (): void => setQuery(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), true);
  const pick = (name: FilterName, label: string, word: (value: string) => string, more: [string, string][] = []) => {
    const found = facets[name] ?? [];
    // With one value or none there is nothing to choose, unless it was chosen.
    if (found.length + more.length < 2 && filter[name] === '') return null;
    return <Pick name={name} label={label} value={filter[name]} options={[...more, ...counted(found, word)]} />;
  };
  return (
    <div class="filters" role="search">
      <TextFilter name="q" label="Search the catalog" value={filter.q} />
      {pick('owner', 'Owner', referenceName, [['none', 'Nobody']])}
      {(filter.class !== '' || filter.type !== '') && pick('type', 'Type', (value) => value)}
      {pick('lifecycle', 'Lifecycle', (value) => value)}
      {pick('state', 'Version', (value) => stateWord[value as VersionState] ?? value)}
      {pick('level', 'Level', levelText)}
      {pick('origin', 'Origin', (value) => (value === 'discovered' ? 'Discovered' : 'Declared'))}
      {pick('tag', 'Tag', (value) => value)}
      <Pick
        name="problems"
        label="Problems"
        value={filter.problems}
        options={[
          ['true', 'With problems'],
          ['false', 'Without'],
        ]}
      />
      {filter.system && <Given name="system" value={filter.system} />}
      {filter.namespace && <Given name="namespace" value={filter.namespace} />}
      {isFiltered(filter) && (
        <button type="button" class="button small quiet" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

const counted = (values: FacetValue[], word: (value: string) => string): [string, string][] =>
  values.map(({ value, count }) => [value, `${word(value)} (${exact(count)})`]);

function levelText(value: string): string {
  const level = levelOf(Number(value));
  return level === null ? 'Not yet known' : levelWord[level];
}
