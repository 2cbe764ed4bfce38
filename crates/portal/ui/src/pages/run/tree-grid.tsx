import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { mark, ticks } from '../../format/time';
import { waterfallShown } from '../../ui/marks';
import type { Row } from './rows';
import type { Selection } from './selection';
import { buildTree, hasChildren, windowOf } from './tree';
import { targetOf } from './grid-keys';
import { GridRow } from './grid-row';
import { indexOf, ROW_HEIGHT, useCollapse, useScroll } from './grid-state';

const TICKS_MAX = 5;
/** Rows that leave the view become those that enter it: more than are ever drawn at once. */
const POOL_ROWS = 256;

export interface GridProps {
  label: string;
  /** Depths of the rows read so far, in depth-first order. */
  depths: number[];
  /** Rows there will be: the scroll bar is right before all are read. */
  total: number;
  idAt: (index: number) => string;
  rowAt: (index: number) => Row | null;
  durationNs: number;
  /** The step that the tree opens to. */
  openTo: string | null;
  selection: Selection;
  tools: ComponentChildren;
  note: string;
}

/** A tree of rows with bars in time. Only the rows in view are in the document. */
export function TreeGrid(props: GridProps) {
  const { depths, total, idAt, selection } = props;
  const tree = useMemo(() => buildTree(depths), [depths]);
  const { rows, isCollapsed, toggle, setAll } = useCollapse(props, tree);
  const selected = useMemo(
    () => indexOf(selection.spanId.value, depths.length, idAt),
    [selection.spanId.value, depths],
  );
  const view = useScroll();
  const { from, to } = windowOf(view.top, view.height, ROW_HEIGHT, rows.length);
  const unread = Math.max(0, total - depths.length);
  const place = useMemo(() => rows.indexOf(selected), [rows, selected]);

  useLayoutEffect(() => {
    if (place >= 0) view.show(place);
  }, [place, view.height > 0]);
  useEffect(() => {
    if (rows.length > 0) waterfallShown();
  }, [rows.length > 0]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const move = targetOf(event.key, {
      tree,
      rows,
      place,
      isCollapsed,
      pageRows: Math.floor(view.height / ROW_HEIGHT),
    });
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    if (move.toggle !== undefined) toggle(move.toggle);
    if (move.select !== undefined) selection.select(idAt(move.select));
  };
  return (
    <div class="waterfall">
      <div class="waterfall-tools">
        {props.tools}
        <span class="faint" role="status">
          {props.note}
        </span>
        <span class="spacer" />
        <button type="button" class="button small quiet" onClick={() => setAll(false)}>
          Expand all
        </button>
        <button type="button" class="button small quiet" onClick={() => setAll(true)}>
          Collapse all
        </button>
      </div>
      <div
        class="grid"
        role="treegrid"
        aria-label={props.label}
        aria-rowcount={rows.length + unread + 1}
        aria-colcount={5}
        aria-activedescendant={place >= from && place < to ? `row-${selected}` : undefined}
        tabIndex={0}
        data-row
        ref={view.box}
        onScroll={view.onScroll}
        onKeyDown={onKeyDown}
      >
        <Header durationNs={props.durationNs} />
        <div class="grid-rows" role="rowgroup" style={{ height: `${(rows.length + unread) * ROW_HEIGHT}px` }}>
          <Lines durationNs={props.durationNs} />
          {Array.from(rows.subarray(from, to), (index, offset) => {
            const row = props.rowAt(index);
            return (
              row && (
                <GridRow
                  key={(from + offset) % POOL_ROWS}
                  index={index}
                  line={from + offset}
                  row={row}
                  tree={tree}
                  collapsed={hasChildren(tree, index) ? isCollapsed(index) : null}
                  selected={index === selected}
                  durationNs={props.durationNs}
                  select={() => selection.select(row.spanId)}
                  toggle={() => toggle(index)}
                />
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Header({ durationNs }: { durationNs: number }) {
  return (
    <div class="grid-head" role="rowgroup">
      <div role="row" aria-rowindex={1}>
        <span role="columnheader" class="cell-name">
          Step
        </span>
        <span role="columnheader" class="cell-tokens" title="With everything below it">
          Tokens
        </span>
        <span role="columnheader" class="cell-cost" title="With everything below it; estimated from list prices">
          Cost (est.)
        </span>
        <span role="columnheader" class="cell-duration">
          Duration
        </span>
        <span role="columnheader" class="cell-bar" aria-label="Time">
          {ticks(durationNs, TICKS_MAX).map((tick) => (
            <i key={tick} style={{ left: `${(100 * tick) / durationNs}%` }}>
              {mark(tick)}
            </i>
          ))}
        </span>
      </div>
    </div>
  );
}

/** The marks of the axis, drawn through all rows. */
function Lines({ durationNs }: { durationNs: number }) {
  return (
    <div class="grid-lines" aria-hidden="true">
      <div>
        {ticks(durationNs, TICKS_MAX).map((tick) => (
          <i key={tick} style={{ left: `${(100 * tick) / durationNs}%` }} />
        ))}
      </div>
    </div>
  );
}
