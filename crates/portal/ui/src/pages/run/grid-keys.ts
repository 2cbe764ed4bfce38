import { hasChildren, type Tree } from './tree';

/** Keys of the ARIA treegrid pattern, with j and k beside the arrows. Pure: says what should happen. */

interface GridState {
  tree: Tree;
  /** Indices of the shown rows. */
  rows: Int32Array;
  /** Place of the selected row among the shown ones, -1 for none. */
  place: number;
  isCollapsed: (index: number) => boolean;
  pageRows: number;
}

interface Move {
  /** Index of the row to select. */
  select?: number;
  /** Index of the row to open or close. */
  toggle?: number;
}

export function targetOf(key: string, state: GridState): Move | null {
  const { rows, place, tree } = state;
  const last = rows.length - 1;
  const current = rows[place];
  const at = (line: number): Move | null => {
    const index = rows[Math.max(0, Math.min(line, last))];
    return index === undefined ? null : { select: index };
  };
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return at(place + 1);
    case 'ArrowUp':
    case 'k':
      return at(place < 0 ? last : place - 1);
    case 'PageDown':
      return at(place + state.pageRows);
    case 'PageUp':
      return at(place - state.pageRows);
    case 'Home':
      return at(0);
    case 'End':
      return at(last);
    default:
      break;
  }
  if (current === undefined) return null;
  const inner = hasChildren(tree, current);
  switch (key) {
    case 'ArrowRight':
      if (!inner) return null;
      return state.isCollapsed(current) ? { toggle: current } : { select: current + 1 };
    case 'ArrowLeft': {
      if (inner && !state.isCollapsed(current)) return { toggle: current };
      const parent = tree.parent[current] ?? -1;
      return parent < 0 ? null : { select: parent };
    }
    case 'Enter':
    case ' ':
      return inner ? { toggle: current, select: current } : { select: current };
    default:
      return null;
  }
}
