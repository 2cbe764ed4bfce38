import type { AgentPart, CatalogRelation, EntityDetail, Envelope, Granted } from '../../api/catalog';
import type { EntityGraph, EntityGraphEdge, EntityGraphNode } from '../../api/catalog-shapes';
import { classOf } from '../../format/catalog';

/** What stands in a document, read with care: `spec` holds whatever its writer put there. */

export interface AgentBlock {
  prohibitedUses: string[];
  dataClasses: string[];
  models: string[];
  tools: { server: string; tool: string; effect: string | null; approval: boolean }[];
  evals: { set: string; metric: string | null; threshold: number | null }[];
  monthlyUsd: number | null;
}

type Fields = Record<string, unknown>;

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const texts = (value: unknown): string[] => list(value).filter((item): item is string => typeof item === 'string');
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** The block `spec.agent`; null where the document has none. */
export function agentBlock({ spec }: Envelope): AgentBlock | null {
  if (spec?.agent === undefined) return null;
  const agent = fields(spec.agent);
  return {
    prohibitedUses: texts(agent.prohibitedUses),
    dataClasses: texts(agent.dataClasses),
    models: texts(agent.models),
    tools: list(agent.tools)
      .map(fields)
      .map((tool) => ({
        server: text(tool.server) ?? '?',
        tool: text(tool.tool) ?? '*',
        effect: text(tool.effect),
        approval: tool.approval === true || (typeof tool.approval === 'string' && tool.approval !== 'none'),
      })),
    evals: list(agent.evals)
      .map(fields)
      .map((one) => ({ set: text(one.set) ?? '?', metric: text(one.metric), threshold: number(one.threshold) })),
    monthlyUsd: number(fields(agent.budget).monthlyUsd),
  };
}

const RELATION_WORDS: Record<string, string> = {
  ownedBy: 'Owned by',
  ownerOf: 'Owns',
  partOf: 'Part of',
  hasPart: 'Has parts',
  dependsOn: 'Depends on',
  dependencyOf: 'Needed by',
  consumesApi: 'Uses',
  apiConsumedBy: 'Used by',
  providesApi: 'Provides',
  apiProvidedBy: 'Provided by',
  memberOf: 'Member of',
  hasMember: 'Members',
  parentOf: 'Parent of',
  childOf: 'Child of',
};

interface RelationGroup {
  word: string;
  targets: { ref: string; exists: boolean }[];
  /** How many more share a node of the graph, where there was no room for each. */
  more: Hidden | null;
}

/** `isBound`: that many at most. */
interface Hidden {
  count: number;
  isBound: boolean;
}

/** By kind of relation, in the usual order; kinds the portal has no words for come last, as they are. */
export function relationGroups(relations: CatalogRelation[]): RelationGroup[] {
  const known = Object.keys(RELATION_WORDS);
  const types = [...new Set(relations.map(({ type }) => type))];
  const at = (type: string): number => (known.includes(type) ? known.indexOf(type) : known.length);
  return types
    .sort((a, b) => at(a) - at(b) || a.localeCompare(b))
    .map((type) => ({
      word: RELATION_WORDS[type] ?? type,
      targets: relations.filter((one) => one.type === type).map(({ target_ref: ref, exists }) => ({ ref, exists })),
      more: null,
    }));
}

type Subject = Pick<EntityDetail, 'ref' | 'class'>;

/** The graph that holds whoever used it: a tool server is used through its tools, one step further away. */
export const nearPath = ({ class: className }: Pick<Subject, 'class'>): string =>
  `/graph?depth=${className === 'tool_server' ? 2 : 1}`;

export const SEEN_USING = 'Seen using';

/** What traffic shows and no document says, on both sides. */
export function observedGroups({ ref, class: className }: Subject, near: EntityGraph | undefined): RelationGroup[] {
  const edges = near?.edges ?? [];
  const tools = className === 'tool_server' ? toolsOf(ref, near) : new Set<string>();
  const nodes = new Map(near?.nodes.map((node) => [node.id, node]));
  const isShared = ({ from, to }: EntityGraphEdge): boolean => [from, to].some((id) => nodes.get(id)?.folded);
  // Of those that share a node some may be declared and others only seen.
  const seen = edges.filter((edge) => edge.provenance === 'observed' || (edge.provenance === 'both' && isShared(edge)));
  const declared = new Set(edges.filter((edge) => edge.to === ref && !seen.includes(edge)).map(fromOf));
  const isUser = ({ from }: EntityGraphEdge): boolean => !tools.has(from) && !declared.has(from);
  const used = edges.filter(({ to, provenance }) => provenance !== 'declared' && (to === ref || tools.has(to)));
  const side = (word: string, found: EntityGraphEdge[], end: End): RelationGroup => {
    const ids = [...new Set(found.map((edge) => edge[end]))];
    const shown = ids.flatMap((id) => nodes.get(id)?.ref ?? []);
    return { word, targets: shown.map((one) => ({ ref: one, exists: true })), more: hiddenIn(found, end, nodes) };
  };
  return [
    side(
      SEEN_USING,
      seen.filter(({ from }) => from === ref),
      'to',
    ),
    side('Seen used by', used.filter(isUser), 'from'),
    side(
      'Seen offering',
      seen.filter(({ from, to }) => to === ref && tools.has(from)),
      'from',
    ),
  ].filter(({ targets, more }) => targets.length > 0 || more);
}

/** Tools and models that an agent only asked for: what it did was refused each time. Their title is their name in traffic. */
export function refusedOf({ tools, models }: Uses, near: EntityGraph | undefined): Set<string> {
  const named = new Map<string | null, Set<string>>([
    ['ai-tool', onlyRefused(tools)],
    ['ai-model', onlyRefused(models)],
  ]);
  const refused = near?.nodes.filter(({ type, title }) => named.get(type)?.has(title.toLowerCase())) ?? [];
  return new Set(refused.flatMap(({ ref }) => ref ?? []));
}

type Uses = Pick<AgentPart, 'tools' | 'models'>;

const onlyRefused = (items: Granted[]): Set<string> =>
  new Set(items.filter(({ calls, denied }) => calls === 0 && denied).map(({ name }) => name.toLowerCase()));

type End = 'from' | 'to';

/** What shares nodes: exactly known where one observed edge stands for all of a node. */
function hiddenIn(found: EntityGraphEdge[], end: End, nodes: Map<string, EntityGraphNode>): Hidden | null {
  const folded = [...nodes.values()].filter(
    ({ id, folded: count }) => count > 0 && found.some((edge) => edge[end] === id),
  );
  if (folded.length === 0) return null;
  const parts = folded.map(({ id, folded: count }) => {
    const own = found.filter((edge) => edge[end] === id);
    const isExact = own.length === 1 && own[0]?.provenance === 'observed' && own[0].folded === count;
    return {
      count: Math.min(
        count,
        own.reduce((sum, edge) => sum + edge.folded, 0),
      ),
      isExact,
    };
  });
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    isBound: parts.some(({ isExact }) => !isExact),
  };
}

const fromOf = ({ from }: EntityGraphEdge): string => from;

/** What stands right behind a server of its tools, those for which there was no room together. */
function toolsOf(server: string, near: EntityGraph | undefined): Set<string> {
  const isTool = ({ kind, type, origin }: EntityGraphNode): boolean =>
    (origin === 'folded' && kind === 'resource') || classOf(kind, type) === 'tool';
  const tools = new Set(near?.nodes.filter(isTool).map(({ id }) => id));
  return new Set(near?.edges.filter(({ from, to }) => to === server && tools.has(from)).map(fromOf));
}

/** Links of the document that lead to a page: nothing that would run a script. */
export function linksOf({ metadata }: Envelope): { url: string; title: string }[] {
  return (metadata.links ?? [])
    .filter(({ url }) => /^https?:\/\//.test(url) || url.startsWith('mailto:'))
    .map(({ url, title }) => ({ url, title: title || url }));
}
