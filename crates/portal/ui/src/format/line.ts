/** Lines of a graph that the server laid out. */

type Point = readonly number[];

/** A smooth line through the points that the server laid out in columns, as an SVG path. */
export function edgePath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first[0]} ${first[1]}`;
  let [fromX, fromY] = [first[0] ?? 0, first[1] ?? 0];
  for (const [x = 0, y = 0] of rest) {
    const middle = (fromX + x) / 2;
    path += `C${middle} ${fromY} ${middle} ${y} ${x} ${y}`;
    [fromX, fromY] = [x, y];
  }
  return path;
}

/** Where the label of an edge sits. */
export function middleOf({ points }: { points: readonly Point[] }): { x: number; y: number } {
  const half = (points.length - 1) / 2;
  const [before, after] = [points[Math.floor(half)], points[Math.ceil(half)]];
  return { x: ((before?.[0] ?? 0) + (after?.[0] ?? 0)) / 2, y: ((before?.[1] ?? 0) + (after?.[1] ?? 0)) / 2 };
}
