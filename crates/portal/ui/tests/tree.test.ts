import { describe, expect, test } from 'vitest';
import { targetOf } from '../src/pages/run/grid-keys';
import { ancestors, buildTree, startsCollapsed, visibleRows, windowOf } from '../src/pages/run/tree';

//            0 root
//            ├ 1
//            │ └ 2
//            │   └ 3
//            └ 4
//            5 root
const DEPTHS = [0, 1, 2, 3, 1, 0];

/** The same by the plainest means: a child is hidden when any row above it is closed. */
function naive(depths: number[], closed: Set<number>): number[] {
  return depths
    .map((_, index) => index)
    .filter((index) => !ancestors(buildTree(depths), index).some((above) => closed.has(above)));
}

describe('tree', () => {
  test('knows parents, ends and siblings', () => {
    const tree = buildTree(DEPTHS);
    expect([...tree.parent]).toEqual([-1, 0, 1, 2, 0, -1]);
    expect([...tree.end]).toEqual([5, 4, 4, 4, 5, 6]);
    expect([...tree.position]).toEqual([1, 1, 1, 1, 2, 2]);
    expect([...tree.siblings]).toEqual([2, 2, 1, 1, 2, 2]);
  });

  test('a skipped level hangs below what is there', () => {
    expect([...buildTree([0, 5, 9, 1]).depth]).toEqual([0, 1, 2, 1]);
    expect([...buildTree([3, 3]).parent]).toEqual([-1, 0]);
  });

  test('collapsing hides exactly what is below', () => {
    for (let mask = 0; mask < 1 << DEPTHS.length; mask += 1) {
      const closed = new Set(DEPTHS.map((_, index) => index).filter((index) => mask & (1 << index)));
      expect([...visibleRows(buildTree(DEPTHS), (index) => closed.has(index))]).toEqual(naive(DEPTHS, closed));
    }
  });

  test('a hundred thousand spans in a chain neither recurse nor take long', () => {
    const tree = buildTree(Array.from({ length: 100_000 }, (_, index) => index));
    expect(visibleRows(tree, () => false)).toHaveLength(100_000);
    expect(ancestors(tree, 99_999)).toHaveLength(99_999);
  });

  test('large trees start closed but for the way to the failure', () => {
    const tree = buildTree(DEPTHS);
    const open = new Set(ancestors(tree, 3));
    expect(startsCollapsed(tree, 2, 100_000, new Set())).toBe(true);
    expect(startsCollapsed(tree, 2, 100_000, open)).toBe(false);
    expect(startsCollapsed(tree, 0, 100_000, new Set())).toBe(false);
    expect(startsCollapsed(tree, 2, 10, new Set())).toBe(false);
  });

  test('the window holds what is in view and is never large', () => {
    expect(windowOf(0, 320, 32, 100_000, 2)).toEqual({ from: 0, to: 12 });
    expect(windowOf(32_000, 320, 32, 100_000, 2)).toEqual({ from: 998, to: 1_012 });
    expect(windowOf(9e9, 320, 32, 10, 2)).toEqual({ from: 10, to: 10 });
    expect(windowOf(0, 0, 32, 0)).toEqual({ from: 0, to: 0 });
  });
});

describe('keys of the tree', () => {
  const tree = buildTree(DEPTHS);
  const state = (place: number, closed: number[] = []) => {
    const isCollapsed = (index: number): boolean => closed.includes(index);
    return { tree, rows: visibleRows(tree, isCollapsed), place, isCollapsed, pageRows: 2 };
  };
  test('j and k move and stop at the ends', () => {
    expect(targetOf('j', state(0))).toEqual({ select: 1 });
    expect(targetOf('j', state(5))).toEqual({ select: 5 });
    expect(targetOf('k', state(0))).toEqual({ select: 0 });
    expect(targetOf('j', state(-1))).toEqual({ select: 0 });
    expect(targetOf('End', state(0))).toEqual({ select: 5 });
    expect(targetOf('PageDown', state(1))).toEqual({ select: 3 });
  });
  test('arrows open, close and climb as the pattern says', () => {
    expect(targetOf('ArrowRight', state(1, [1]))).toEqual({ toggle: 1 });
    expect(targetOf('ArrowRight', state(1))).toEqual({ select: 2 });
    expect(targetOf('ArrowLeft', state(1))).toEqual({ toggle: 1 });
    expect(targetOf('ArrowLeft', state(3))).toEqual({ select: 2 });
    expect(targetOf('ArrowLeft', state(4))).toEqual({ select: 0 });
    expect(targetOf('x', state(0))).toBeNull();
  });
});
