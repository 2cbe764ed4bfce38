import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ancestors, startsCollapsed, visibleRows, type Tree } from './tree';
import type { GridProps } from './tree-grid';

export const ROW_HEIGHT = 32;

/** Which rows are closed: what a person chose, else what the size of the tree suggests. */
export function useCollapse({ depths, total, idAt, openTo, selection }: GridProps, tree: Tree) {
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [all, setAllState] = useState<boolean | null>(null);
  const selectedId = selection.spanId.value;
  // The selected row is always in view: what is above it is open.
  const open = useMemo(() => {
    const targets = [indexOf(openTo, depths.length, idAt), indexOf(selectedId, depths.length, idAt)];
    return new Set(targets.flatMap((target) => (target < 0 ? [] : ancestors(tree, target))));
  }, [tree, openTo, selectedId]);
  const isCollapsed = (index: number): boolean =>
    chosen.get(idAt(index)) ?? all ?? startsCollapsed(tree, index, total, open);
  const rows = useMemo(() => visibleRows(tree, isCollapsed), [tree, chosen, all, all === null ? open : null]);
  return {
    rows,
    isCollapsed,
    toggle: (index: number): void => setChosen((before) => new Map(before).set(idAt(index), !isCollapsed(index))),
    setAll: (collapsed: boolean): void => {
      setChosen(new Map());
      setAllState(collapsed);
    },
  };
}

export function indexOf(id: string | null, count: number, idAt: (index: number) => string): number {
  if (id === null) return -1;
  for (let index = 0; index < count; index += 1) if (idAt(index) === id) return index;
  return -1;
}

/** Place and height of the view, and a way to bring a line into it. */
export function useScroll() {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    setHeight(element.clientHeight);
    return () => watcher.disconnect();
  }, []);
  const show = (line: number): void => {
    const element = box.current;
    if (!element) return;
    const from = line * ROW_HEIGHT;
    // The header stays on top of the rows and takes one row of the view.
    const room = element.clientHeight - 2 * ROW_HEIGHT;
    if (from < element.scrollTop) element.scrollTop = from;
    else if (from > element.scrollTop + room) element.scrollTop = Math.max(0, from - room / 2);
  };
  return { box, top, height, show, onScroll: () => setTop(box.current?.scrollTop ?? 0) };
}
