import { useEffect, useRef, useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { Graph, GraphEdge, GraphNode, RunDetail } from '../../api/shapes';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { Choice } from '../../ui/tabs';
import { Icon } from '../../ui/icon';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { edgePath, leadOf, middleOf, stepsOf } from './graph-model';
import { GraphTable } from './graph-table';
import type { Selection } from './selection';

interface Props {
  path: string;
  detail: RunDetail;
  selection: Selection;
}

const ZOOM_STEP = 1.25;
const ZOOM_MIN = 0.3;
const ZOOM_MAX = 3;

/** Who called what, as the server laid it out. */
export function GraphView({ path, detail, selection }: Props) {
  const resource = useData<Graph>(`${path}/graph`);
  const graph = resource.data.value;
  const asTable = query.value.get('as') === 'table';
  const [zoom, setZoom] = useState(1);
  if (!graph)
    return resource.error.value ? (
      <Failure error={resource.error.value} retry={() => void resource.reload()} />
    ) : (
      <Waiting />
    );
  if (graph.nodes.length === 0) return <Empty title="No agents, models or tools in this run" />;
  const by = (factor: number) => (): void =>
    setZoom((before) => Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, before * factor)));
  return (
    <>
      <div class="waterfall-tools">
        <Choice
          label="Show as"
          choices={[
            ['graph', 'Graph'],
            ['table', 'Table'],
          ]}
          chosen={asTable ? 'table' : 'graph'}
          choose={(next) => setQuery({ as: next === 'table' ? 'table' : null })}
        />
        <span class="spacer" />
        {!asTable && (
          <>
            <button type="button" class="icon-button" aria-label="Smaller" onClick={by(1 / ZOOM_STEP)}>
              <Icon name="minus" />
            </button>
            <button type="button" class="button small quiet" onClick={() => setZoom(1)}>
              Fit
            </button>
            <button type="button" class="icon-button" aria-label="Larger" onClick={by(ZOOM_STEP)}>
              <Icon name="plus" />
            </button>
          </>
        )}
      </div>
      {asTable ? (
        <GraphTable graph={graph} />
      ) : (
        <Drawing graph={graph} detail={detail} selection={selection} zoom={zoom} />
      )}
    </>
  );
}

const MARGIN = 16;
/** Smaller than this, names cannot be read; the drawing scrolls instead. */
const SCALE_MIN = 0.85;

function Drawing({
  graph,
  detail,
  selection,
  zoom,
}: {
  graph: Graph;
  detail: RunDetail;
  selection: Selection;
  zoom: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(
    () => box.current?.querySelector('.selected')?.scrollIntoView({ block: 'nearest', inline: 'center' }),
    [graph],
  );
  const width = graph.width + 2 * MARGIN;
  const height = graph.height + 2 * MARGIN;
  const selectedId = selection.spanId.value;
  return (
    <div class="drawing scroll" ref={box} tabIndex={0} role="region" aria-label="Call graph">
      <svg
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
        role="group"
        aria-label="Who called whom; the table says the same"
        style={{ width: `${width * zoom}px`, maxWidth: zoom === 1 ? `max(100%, ${width * SCALE_MIN}px)` : 'none' }}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto-start-reverse"
          >
            <path d="M0 0.500 8 4 0 7.500z" />
          </marker>
          <marker
            id="arrow-bad"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto-start-reverse"
          >
            <path d="M0 0.500 8 4 0 7.500z" />
          </marker>
        </defs>
        {graph.edges.map((edge) => (
          <Edge key={`${edge.from}→${edge.to}`} edge={edge} />
        ))}
        {graph.nodes.map((node) => {
          const steps = stepsOf(node, detail.steps);
          const lead = leadOf(steps);
          return (
            <Node
              key={node.id}
              node={node}
              selected={steps.some((step) => step.span_id === selectedId)}
              select={lead && (() => selection.select(lead.span_id))}
            />
          );
        })}
      </svg>
    </div>
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
/** Characters that fit one unit of a node's width, near enough for the system fonts. */
const CHARACTERS_PER_UNIT = 1 / 6.6;

function Node({ node, selected, select }: { node: GraphNode; selected: boolean; select: (() => void) | undefined }) {
  const fits = Math.max(4, Math.floor((node.width - 20) * CHARACTERS_PER_UNIT));
  const label = node.label.length > fits ? `${node.label.slice(0, fits - 1)}…` : node.label;
  const counts = [node.calls > 0 ? plural(node.calls, 'call') : '', node.errors > 0 ? `${node.errors} failed` : '']
    .filter(Boolean)
    .join(' · ');
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    select?.();
  };
  return (
    <g
      class={`node ${node.kind}${node.errors > 0 ? ' bad' : ''}${selected ? ' selected' : ''}`}
      transform={`translate(${node.x} ${node.y})`}
      role={select ? 'button' : 'group'}
      tabIndex={select ? 0 : undefined}
      data-row={select ? '' : undefined}
      aria-description={label === node.label ? undefined : node.label}
      aria-pressed={select ? selected : undefined}
      onClick={select}
      onKeyDown={onKeyDown}
    >
      <rect width={node.width} height={node.height} rx={6} />
      <text class="node-kind" x={10} y={node.height / 2 - 6}>
        {KIND_WORD[node.kind]}
        {counts ? ` · ${counts}` : ''}
      </text>
      <text class="node-label" x={10} y={node.height / 2 + 12}>
        {label}
      </text>
    </g>
  );
}
