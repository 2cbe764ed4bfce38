import type { Provenance } from '../../api/catalog';
import type {
  EntityGraph,
  EntityGraphEdge,
  EntityGraphNode,
  GraphDirection,
  GraphOrigin,
} from '../../api/catalog-shapes';
import { classOf, classWord, levelWord } from '../../format/catalog';
import { exact, plural } from '../../format/number';

/** The words of a dependency graph, as pure functions. */

export const provenanceWord: Record<Provenance, string> = {
  declared: 'Declared',
  observed: 'Observed',
  both: 'Both',
};

export const provenanceReason: Record<Provenance, string> = {
  declared: 'A document says so, traffic has not shown it',
  observed: 'Traffic showed it, no document says so',
  both: 'A document says so and traffic showed it',
};

export const originWord: Record<GraphOrigin, string> = {
  declared: 'Declared',
  discovered: 'Discovered',
  missing: 'Not there',
  folded: 'Several',
};

export const DIRECTIONS: [GraphDirection, string][] = [
  ['both', 'Both'],
  ['down', 'What it needs'],
  ['up', 'What needs it'],
];
export const DEPTHS: [string, string][] = [
  ['1', '1 step'],
  ['2', '2 steps'],
  ['3', '3 steps'],
];
export const DEPTH_DEFAULT = '2';

/** What a relation says, read from what depends to what it depends on. */
const RELATION_WORDS: Record<string, string> = {
  dependsOn: 'depends on',
  consumesApi: 'consumes',
  apiProvidedBy: 'is provided by',
  hasPart: 'has the part',
  ownedBy: 'is owned by',
};

export const relationWords = (relations: string[]): string =>
  relations.map((relation) => RELATION_WORDS[relation] ?? relation).join(', ');

/** The small line over a node's title. */
export function aboveOf(node: EntityGraphNode): string {
  const name = classOf(node.kind, node.type);
  if (node.origin === 'folded') return `${classWord(name, true)}, ${distanceWords(node.hops)}`;
  const one = classWord(name);
  const more = node.origin === 'declared' ? node.level && levelWord[node.level] : originWord[node.origin].toLowerCase();
  return more ? `${one} · ${more}` : one;
}

export const distanceWords = (hops: number): string =>
  hops === 0 ? 'the entity itself' : `${plural(hops, 'step')} away`;

/** What an edge carries besides its arrow. */
export function edgeWords({ provenance, calls, folded }: EntityGraphEdge): string {
  const seen = calls > 0 ? ` · ${exact(calls)}×` : '';
  const many = folded > 1 ? `${exact(folded)} · ` : '';
  return `${many}${provenanceWord[provenance].toLowerCase()}${seen}`;
}

/** How much is drawn, in a sentence. */
export function extentWords({ total, folded, truncated, depth }: EntityGraph): string {
  const others = total - 1;
  if (others === 0) return 'Nothing is known to depend on it, and it on nothing.';
  const all = `${truncated ? 'At least ' : ''}${plural(others, 'entity', 'entities')} within ${plural(depth, 'step')}`;
  return folded > 0 ? `${all}; ${exact(folded)} of them share a node, the most used are drawn.` : `${all}.`;
}
