const WIDTH = 72;
const HEIGHT = 20;
const EDGE = 2;
/** A hair's difference is not drawn as a fall. */
const LEAST_SPAN = 0.1;

interface SparkPoint {
  value: number;
  /** How much it weighs: a day with one run says little and is drawn fainter. */
  isThin: boolean;
}

/** Shares over days as a small line, from the lowest to 1. Decoration: the numbers stand beside it, and as a table elsewhere. */
export function Sparkline({ points }: { points: (SparkPoint | null)[] }) {
  const step = points.length > 1 ? (WIDTH - 2 * EDGE) / (points.length - 1) : 0;
  const x = (index: number): number => EDGE + index * step;
  const low = Math.min(...points.map((point) => point?.value ?? 1), 1 - LEAST_SPAN);
  const y = (value: number): number => HEIGHT - EDGE - ((value - low) / (1 - low)) * (HEIGHT - 2 * EDGE);
  const lines = stretches(points).map((stretch) =>
    stretch
      .map(([index, value], at) => `${at === 0 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
      .join(''),
  );
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      {lines.map((line) => (
        <path key={line} d={line} />
      ))}
      {points.map((point, index) =>
        point ? (
          <circle
            key={index}
            class={point.isThin ? 'thin' : ''}
            cx={x(index)}
            cy={y(point.value)}
            r={point.isThin ? 1 : 1.4}
          />
        ) : null,
      )}
    </svg>
  );
}

/** Days without runs break the line: nothing is known there. */
export function stretches(points: (SparkPoint | null)[]): [index: number, value: number][][] {
  const found: [number, number][][] = [];
  let open: [number, number][] | null = null;
  points.forEach((point, index) => {
    if (point === null) {
      open = null;
      return;
    }
    if (open === null) {
      open = [];
      found.push(open);
    }
    open.push([index, point.value]);
  });
  return found;
}
