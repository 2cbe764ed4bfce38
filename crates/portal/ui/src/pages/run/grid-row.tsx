import { useMemo } from 'preact/hooks';
import { cost, costReason } from '../../format/money';
import { plural, short } from '../../format/number';
import { duration, offset } from '../../format/time';
import { kindWord, outcomeWord } from '../../format/words';
import { Icon } from '../../ui/icon';
import { Name } from '../../ui/name';
import { Revealed } from '../../ui/revealed';
import { KindIcon, Said } from '../../ui/status';
import type { Row } from './rows';
import type { Tree } from './tree';
import { ROW_HEIGHT } from './grid-state';

/** Deeper rows are not indented further: their names must stay readable. */
const INDENT_DEPTH_MAX = 12;
const INDENT = 14;

interface Props {
  index: number;
  line: number;
  row: Row;
  tree: Tree;
  /** `null` for a row without children. */
  collapsed: boolean | null;
  selected: boolean;
  durationNs: number;
  select: () => void;
  toggle: () => void;
}

/** Drawn anew only when something it shows has changed: scrolling passes most rows by. */
export function GridRow(props: Props) {
  const { index, line, row, tree, collapsed, selected, durationNs } = props;
  const { spanId, outcome, tokens } = row;
  return useMemo(
    () => drawRow(props),
    [index, line, tree, collapsed, selected, durationNs, spanId, outcome, tokens, row.durationNs],
  );
}

function drawRow({ index, line, row, tree, collapsed, selected, durationNs, select, toggle }: Props) {
  const depth = tree.depth[index] ?? 0;
  const kind = row.kind ?? 'span';
  return (
    <div
      role="row"
      id={`row-${index}`}
      class={`grid-row ${row.outcome}${selected ? ' selected' : ''}${row.isTwin ? ' twin' : ''}`}
      style={{ transform: `translateY(${line * ROW_HEIGHT}px)` }}
      aria-level={depth + 1}
      aria-posinset={tree.position[index]}
      aria-setsize={tree.siblings[index]}
      aria-rowindex={line + 2}
      aria-expanded={collapsed === null ? undefined : !collapsed}
      aria-selected={selected}
      onClick={select}
    >
      <span
        role="gridcell"
        class="cell-name"
        style={{ paddingLeft: `${8 + Math.min(depth, INDENT_DEPTH_MAX) * INDENT}px` }}
      >
        <Twist collapsed={collapsed} toggle={toggle} />
        <KindIcon kind={row.kind} />
        <span class="hidden">{row.kind ? kindWord[row.kind] : 'Span'} </span>
        <span class="name" title={row.title}>
          <Name text={row.label} />
        </span>
        {row.outcome === 'error' && <Said icon="failed" tone="error" word={outcomeWord.error} />}
        {row.isTwin && (
          <span class="chip" title="Counted once, as the gateway saw it">
            twin
          </span>
        )}
        <span class="detail" title={row.detail}>
          <Revealed text={row.detail} />
        </span>
      </span>
      <span role="gridcell" class="cell-tokens" title={row.tokens > 0 ? plural(row.tokens, 'token') : undefined}>
        {row.tokens > 0 ? short(row.tokens) : ''}
      </span>
      <span role="gridcell" class="cell-cost" title={row.priced ? costReason(row.priced) : undefined}>
        {row.priced ? cost(row.priced) : ''}
      </span>
      <span role="gridcell" class="cell-duration">
        {duration(row.durationNs)}
      </span>
      <span role="gridcell" class="cell-bar" title={`${offset(row.offsetNs)}, ${duration(row.durationNs)}`}>
        <span class={`bar ${kind}`} style={barPlace(row, durationNs)} />
      </span>
    </div>
  );
}

function Twist({ collapsed, toggle }: { collapsed: boolean | null; toggle: () => void }) {
  if (collapsed === null) return <span class="twist" />;
  return (
    // The row itself says whether it is expanded and takes the keys; this is a target for the pointer.
    <span
      class={collapsed ? 'twist' : 'twist open'}
      aria-hidden="true"
      onClick={(event) => {
        event.stopPropagation();
        toggle();
      }}
    >
      <Icon name="chevron" />
    </span>
  );
}

/** Spans of skewed clocks may lie outside the run; their bars stay inside. */
function barPlace({ offsetNs, durationNs }: Row, runNs: number): { left: string; width: string } {
  const whole = Math.max(1, runNs);
  const left = Math.min(Math.max(0, offsetNs / whole), 1);
  const width = Math.min(Math.max(0, durationNs / whole), 1 - left);
  return { left: `${(100 * left).toFixed(3)}%`, width: `${(100 * width).toFixed(3)}%` };
}
