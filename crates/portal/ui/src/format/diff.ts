import { paired } from './diff-pairs';

/** Differences of two texts line by line: the longest common subsequence, so that as little as possible is called changed. */

/** Larger middles than this are called wholly different: comparing them would stall the page. */
const CELLS_MAX = 4_000_000;
/** Unchanged lines kept around a change. */
const CONTEXT_LINES = 3;

export interface Line {
  /** Counted from 1. */
  at: number;
  text: string;
}

/** One row of two texts side by side; a side is null where the other has a line more. */
export interface Row {
  kind: 'same' | 'changed';
  before: Line | null;
  after: Line | null;
}

type Part = { kind: 'rows'; rows: Row[] } | { kind: 'hidden'; rows: Row[] };

export function diff(before: string, after: string): Row[] {
  const [a, b] = [lines(before), lines(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const rows: Row[] = [];
  for (let at = 0; at < start; at += 1) rows.push(same(a, at, at));
  rows.push(...middle(a, b, start, a.length - end, b.length - end));
  for (let back = end; back > 0; back -= 1) rows.push(same(a, a.length - back, b.length - back));
  return rows;
}

/** A file's last newline ends its last line and begins no further one. */
const lines = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

function same(a: string[], left: number, right: number): Row {
  const text = a[left] ?? '';
  return { kind: 'same', before: { at: left + 1, text }, after: { at: right + 1, text } };
}

function middle(a: string[], b: string[], start: number, endA: number, endB: number): Row[] {
  const [height, width] = [endA - start, endB - start];
  const rows: Row[] = [];
  let [removed, added]: [Line[], Line[]] = [[], []];
  const flush = (): void => {
    for (const [before, after] of paired(removed, added)) rows.push({ kind: 'changed', before, after });
    [removed, added] = [[], []];
  };
  const common = height * width <= CELLS_MAX ? table(a, b, start, height, width) : null;
  const at = (row: number, column: number): number => common?.[row * (width + 1) + column] ?? 0;
  let [i, j] = [0, 0];
  while (i < height || j < width) {
    const [left, right] = [a[start + i], b[start + j]];
    if (common && i < height && j < width && left === right) {
      flush();
      rows.push(same(a, start + i, start + j));
      i += 1;
      j += 1;
    } else if (i < height && (j >= width || at(i + 1, j) >= at(i, j + 1))) {
      removed.push({ at: start + i + 1, text: left ?? '' });
      i += 1;
    } else {
      added.push({ at: start + j + 1, text: right ?? '' });
      j += 1;
    }
  }
  flush();
  return rows;
}

/** Lengths of the longest common subsequence of what follows each pair of places. */
function table(a: string[], b: string[], start: number, height: number, width: number): Uint32Array {
  const cells = new Uint32Array((height + 1) * (width + 1));
  for (let i = height - 1; i >= 0; i -= 1) {
    for (let j = width - 1; j >= 0; j -= 1) {
      const here = i * (width + 1) + j;
      const below = here + width + 1;
      cells[here] =
        a[start + i] === b[start + j] ? (cells[below + 1] ?? 0) + 1 : Math.max(cells[below] ?? 0, cells[here + 1] ?? 0);
    }
  }
  return cells;
}

export const isSame = (rows: Row[]): boolean => rows.every(({ kind }) => kind === 'same');

/** Long stretches without a change are put away, a few lines of context stay. */
export function parts(rows: Row[], context = CONTEXT_LINES): Part[] {
  const near = new Set<number>();
  rows.forEach(({ kind }, at) => {
    if (kind === 'changed') for (let one = at - context; one <= at + context; one += 1) near.add(one);
  });
  const found: Part[] = [];
  rows.forEach((row, at) => {
    const kind = near.has(at) ? 'rows' : 'hidden';
    const last = found.at(-1);
    if (last?.kind === kind) last.rows.push(row);
    else found.push({ kind, rows: [row] });
  });
  return found;
}
