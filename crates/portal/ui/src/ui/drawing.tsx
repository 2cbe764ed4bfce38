import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { revealedText } from '../format/revealed';
import { query, setQuery } from '../location';
import { Choice } from './tabs';
import { Icon } from './icon';

/** What all graphs share: the server laid them out, here they are shown, larger or smaller, or as a table. */

const ZOOM_STEP = 1.25;
const ZOOM_MIN = 0.3;
const ZOOM_MAX = 3;
const MARGIN = 16;
/** Smaller than this, names cannot be read; the drawing scrolls instead. */
const SCALE_MIN = 0.62;
/** In a narrower box most of such a drawing would be out of sight: there all of its width is shown, and it can be made larger. */
const NARROW = 600;
/** Left free below a drawing, and the least height that it is fitted to. */
const BELOW = 24;
const ROOM_MIN = 220;
/** Characters that fit one unit of a node's width, near enough for the system fonts. */
const CHARACTERS_PER_UNIT = 1 / 6.6;

/** The graph and its table twin, with the buttons to choose between them and to change the size. */
export function Drawing({
  graph,
  label,
  says,
  drawn,
  table,
  tools,
}: {
  graph: { width: number; height: number };
  label: string;
  /** What the picture says, in one sentence. */
  says: string;
  drawn: ComponentChildren;
  table: ComponentChildren;
  /** More to choose from, before the table. */
  tools?: ComponentChildren;
}) {
  const [fit, setFit] = useState(1);
  const [chosen, setZoom] = useState(1);
  // What was made small to fit can still be made large enough to be read.
  const zoomMax = Math.max(ZOOM_MAX, (ZOOM_MAX * SCALE_MIN) / fit);
  const zoom = Math.min(zoomMax, chosen);
  const asTable = query.value.get('as') === 'table';
  const by = (factor: number) => (): void => setZoom(Math.min(zoomMax, Math.max(ZOOM_MIN, zoom * factor)));
  return (
    <>
      <div class="waterfall-tools">
        {tools}
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
          <span class="drawing-size">
            <button type="button" class="icon-button" aria-label="Smaller" onClick={by(1 / ZOOM_STEP)}>
              <Icon name="minus" />
            </button>
            <button type="button" class="button small quiet" onClick={() => setZoom(1)}>
              Fit
            </button>
            <button type="button" class="icon-button" aria-label="Larger" onClick={by(ZOOM_STEP)}>
              <Icon name="plus" />
            </button>
          </span>
        )}
      </div>
      {asTable ? (
        table
      ) : (
        <Canvas graph={graph} label={label} says={says} fit={fit} setFit={setFit} zoom={zoom}>
          {drawn}
        </Canvas>
      )}
    </>
  );
}

function Canvas({
  graph,
  label,
  says,
  fit,
  setFit,
  zoom,
  children,
}: {
  graph: { width: number; height: number };
  label: string;
  says: string;
  fit: number;
  setFit: (fit: number) => void;
  zoom: number;
  children: ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const width = graph.width + 2 * MARGIN;
  const height = graph.height + 2 * MARGIN;
  useFit(box, width, height, setFit);
  useEffect(
    () => box.current?.querySelector('.selected')?.scrollIntoView({ block: 'nearest', inline: 'center' }),
    [graph, fit],
  );
  return (
    <div class="drawing scroll" ref={box} tabIndex={0} role="region" aria-label={label}>
      <svg
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
        role="group"
        aria-label={`${says}; the table says the same`}
        style={{ width: `${width * fit * zoom}px`, maxWidth: 'none' }}
      >
        <defs>
          <Arrow id="arrow" />
          <Arrow id="arrow-bad" />
          <Arrow id="arrow-seen" />
        </defs>
        {children}
      </svg>
    </div>
  );
}

/** Tells how large the whole drawing may be in its box, within what can be read, before it is painted. */
function useFit(
  box: { current: HTMLDivElement | null },
  width: number,
  height: number,
  setFit: (fit: number) => void,
): void {
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = (): void => {
      const { maxHeight, paddingLeft, paddingRight } = getComputedStyle(element);
      const bottom = window.innerHeight - element.getBoundingClientRect().top - BELOW;
      const room = Math.max(ROOM_MIN, Number.parseFloat(maxHeight) || bottom);
      const inside = element.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
      // A hidden box says nothing.
      if (inside <= 0) return;
      const across = Math.min(inside / width, 1);
      const whole = Math.max(SCALE_MIN, Math.min(across, room / height));
      setFit(inside < NARROW ? Math.min(across, whole) : whole);
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [width, height]);
}

function Arrow({ id }: { id: string }) {
  return (
    <marker
      id={id}
      viewBox="0 0 8 8"
      refX="7"
      refY="4"
      markerWidth="9"
      markerHeight="9"
      markerUnits="userSpaceOnUse"
      orient="auto-start-reverse"
    >
      <path d="M0 0.500 8 4 0 7.500z" />
    </marker>
  );
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** One node: two lines in a box, a button or a link where there is something to choose or to open. */
export function DrawnNode({
  box,
  label,
  above,
  class: extra,
  isSelected,
  act,
  leads = false,
  description,
}: {
  box: Box;
  label: string;
  /** The small line over the label. */
  above: string;
  class: string;
  isSelected: boolean;
  act: (() => void) | undefined;
  /** Whether it opens another page. */
  leads?: boolean;
  description?: string;
}) {
  const name = revealedText(label);
  const shown = fitted(name, box.width);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    act?.();
  };
  const more = [shown === name ? '' : name, revealedText(description ?? '')].filter(Boolean).join('. ');
  return (
    <g
      class={`node ${extra}${isSelected ? ' selected' : ''}`}
      transform={`translate(${box.x} ${box.y})`}
      // SVG knows attributes by their exact name only: `tabIndex` would be none.
      role={act ? (leads ? 'link' : 'button') : 'group'}
      tabindex={act ? 0 : undefined}
      data-row={act ? '' : undefined}
      aria-description={more || undefined}
      aria-pressed={act && !leads ? isSelected : undefined}
      aria-current={leads && isSelected ? 'true' : undefined}
      onClick={act}
      onKeyDown={onKeyDown}
    >
      {more && <title>{more}</title>}
      <rect width={box.width} height={box.height} rx={6} />
      <text class="node-kind" x={10} y={box.height / 2 - 6}>
        {above}
      </text>
      <text class="node-label" x={10} y={box.height / 2 + 12}>
        {shown}
      </text>
    </g>
  );
}

function fitted(label: string, width: number): string {
  const fits = Math.max(4, Math.floor((width - 20) * CHARACTERS_PER_UNIT));
  return label.length > fits ? `${label.slice(0, fits - 1)}…` : label;
}
