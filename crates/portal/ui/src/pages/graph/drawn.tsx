import type { EntityGraph, EntityGraphEdge, EntityGraphNode } from '../../api/catalog-shapes';
import { edgePath, middleOf } from '../../format/line';
import { navigate } from '../../location';
import { entityPath } from '../../router';
import { DrawnNode } from '../../ui/drawing';
import { aboveOf, distanceWords, edgeWords, provenanceReason, relationWords } from './words';

/** With more edges than this their words would cover each other; the table still says them. */
const WORDS_EDGES_MAX = 28;

export function Drawn({ graph }: { graph: EntityGraph }) {
  const titles = new Map(graph.nodes.map((node) => [node.id, node.title]));
  return (
    <>
      {graph.edges.map((edge) => (
        <Edge
          key={`${edge.from}→${edge.to}`}
          edge={edge}
          says={`${titles.get(edge.from)} ${relationWords(edge.relations)} ${titles.get(edge.to)}`}
          hasWords={graph.edges.length <= WORDS_EDGES_MAX}
        />
      ))}
      {graph.nodes.map((node) => (
        <Node key={node.id} node={node} isRoot={node.id === graph.root} />
      ))}
    </>
  );
}

function Edge({ edge, says, hasWords }: { edge: EntityGraphEdge; says: string; hasWords: boolean }) {
  const middle = middleOf(edge);
  const isSeen = edge.provenance !== 'declared';
  return (
    <g class={`edge edge-${edge.provenance}`}>
      <title>{`${says}. ${provenanceReason[edge.provenance]}`}</title>
      <path d={edgePath(edge.points)} marker-end={isSeen ? 'url(#arrow-seen)' : 'url(#arrow)'} />
      {hasWords && (
        <text x={middle.x} y={middle.y + 4} text-anchor="middle">
          {edgeWords(edge)}
        </text>
      )}
    </g>
  );
}

function Node({ node, isRoot }: { node: EntityGraphNode; isRoot: boolean }) {
  const { ref } = node;
  return (
    <DrawnNode
      box={node}
      label={node.title}
      above={aboveOf(node)}
      class={`entity-node ${node.origin}`}
      isSelected={isRoot}
      act={ref === null ? undefined : () => navigate(entityPath(ref, 'dependencies'))}
      leads
      description={isRoot ? 'The entity that this is about' : `${ref ?? node.title}, ${distanceWords(node.hops)}`}
    />
  );
}
