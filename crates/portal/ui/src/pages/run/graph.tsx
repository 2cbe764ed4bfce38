import { useData } from '../../api/cache';
import type { Graph, GraphEdge, GraphNode, RunDetail } from '../../api/shapes';
import { edgePath, middleOf } from '../../format/line';
import { plural } from '../../format/number';
import { Drawing, DrawnNode } from '../../ui/drawing';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { leadOf, stepsOf } from './graph-model';
import { GraphTable } from './graph-table';
import type { Selection } from './selection';

interface Props {
  path: string;
  detail: RunDetail;
  selection: Selection;
}

/** Who called what, as the server laid it out. */
export function GraphView({ path, detail, selection }: Props) {
  const resource = useData<Graph>(`${path}/graph`);
  const graph = resource.data.value;
  if (!graph)
    return resource.error.value ? (
      <Failure error={resource.error.value} retry={() => void resource.reload()} />
    ) : (
      <Waiting />
    );
  if (graph.nodes.length === 0) return <Empty title="No agents, models or tools in this run" />;
  return (
    <Drawing
      graph={graph}
      label="Call graph"
      says="Who called whom"
      drawn={<Drawn graph={graph} detail={detail} selection={selection} />}
      table={<GraphTable graph={graph} />}
    />
  );
}

function Drawn({ graph, detail, selection }: { graph: Graph; detail: RunDetail; selection: Selection }) {
  const selectedId = selection.spanId.value;
  return (
    <>
      {graph.edges.map((edge) => (
        <Edge key={`${edge.from}→${edge.to}`} edge={edge} />
      ))}
      {graph.nodes.map((node) => {
        const steps = stepsOf(node, detail.steps);
        const lead = leadOf(steps);
        return (
          <DrawnNode
            key={node.id}
            box={node}
            label={node.label}
            above={aboveOf(node)}
            class={`${node.kind}${node.errors > 0 ? ' bad' : ''}`}
            isSelected={steps.some((step) => step.span_id === selectedId)}
            act={lead && (() => selection.select(lead.span_id))}
          />
        );
      })}
    </>
  );
}

function Edge({ edge }: { edge: GraphEdge }) {
  const bad = edge.errors > 0;
  const middle = middleOf(edge);
  return (
    <g class={bad ? 'edge bad' : 'edge'}>
      <path d={edgePath(edge.points)} marker-end={bad ? 'url(#arrow-bad)' : 'url(#arrow)'} />
      {edge.calls > 1 && (
        <text x={middle.x} y={middle.y + 4} text-anchor="middle">
          {edge.calls}×
        </text>
      )}
    </g>
  );
}

const KIND_WORD = { user: 'User', agent: 'Agent', model: 'Model', tool: 'Tool' } as const;

function aboveOf({ kind, calls, errors }: GraphNode): string {
  return [KIND_WORD[kind], calls > 0 ? plural(calls, 'call') : '', errors > 0 ? `${errors} failed` : '']
    .filter(Boolean)
    .join(' · ');
}
