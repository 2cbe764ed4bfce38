/**
 * A tree given as depths in depth-first order, in flat arrays: a hundred thousand spans must open without a
 * hundred thousand objects. Everything here is pure.
 */

export interface Tree {
  size: number;
  depth: Int32Array;
  /** Index of the parent, -1 for a root. */
  parent: Int32Array;
  /** First index behind the subtree. */
  end: Int32Array;
  /** Place among its siblings, from 1, and how many they are: rows are virtual, so a screen reader must be told. */
  position: Int32Array;
  siblings: Int32Array;
}

export function buildTree(depths: ArrayLike<number>): Tree {
  const size = depths.length;
  const tree: Tree = {
    size,
    depth: new Int32Array(size),
    parent: new Int32Array(size),
    end: new Int32Array(size),
    position: new Int32Array(size),
    siblings: new Int32Array(size),
  };
  /** The open path, root first. */
  const path: number[] = [];
  const children = new Int32Array(size + 1);
  for (let index = 0; index < size; index += 1) {
    // A depth that skips a level is a gap in the data; the row hangs below what is there.
    const depth = Math.min(Math.max(0, depths[index] ?? 0), path.length);
    for (const done of path.splice(depth)) tree.end[done] = index;
    const parent = path.at(-1) ?? -1;
    tree.depth[index] = depth;
    tree.parent[index] = parent;
    // Slot 0 counts the roots, slot i + 1 the children of i.
    const count = (children[parent + 1] ?? 0) + 1;
    children[parent + 1] = count;
    tree.position[index] = count;
    path.push(index);
  }
  for (const open of path) tree.end[open] = size;
  for (let index = 0; index < size; index += 1) tree.siblings[index] = children[(tree.parent[index] ?? -1) + 1] ?? 1;
  return tree;
}

export function hasChildren(tree: Tree, index: number): boolean {
  return (tree.end[index] ?? 0) > index + 1;
}

/** Indices of the rows that are shown, when `isCollapsed` hides what is below a row. */
export function visibleRows(tree: Tree, isCollapsed: (index: number) => boolean): Int32Array {
  const rows = new Int32Array(tree.size);
  let count = 0;
  for (let index = 0; index < tree.size;) {
    rows[count] = index;
    count += 1;
    index = hasChildren(tree, index) && isCollapsed(index) ? (tree.end[index] ?? index + 1) : index + 1;
  }
  return rows.subarray(0, count);
}

/** All rows above `index`, nearest first. */
export function ancestors(tree: Tree, index: number): number[] {
  const found: number[] = [];
  for (let at = tree.parent[index] ?? -1; at >= 0; at = tree.parent[at] ?? -1) found.push(at);
  return found;
}

/** Trees above this size start with their deeper levels closed, but for the way to what failed. */
const OPEN_ROWS_MAX = 400;
const OPEN_DEPTH = 2;

/** Whether a row starts closed. `openPath` are the rows on the way to the failing step. */
export function startsCollapsed(tree: Tree, index: number, total: number, openPath: ReadonlySet<number>): boolean {
  return total > OPEN_ROWS_MAX && (tree.depth[index] ?? 0) >= OPEN_DEPTH && !openPath.has(index);
}

/** The rows to draw: those in view and a margin. */
export function windowOf(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
  margin = 12,
): { from: number; to: number } {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - margin);
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + margin);
  return { from: Math.min(from, Math.max(0, to)), to };
}
