import uPlot from 'uplot';
import { clock } from '../format/time';
import { Plot, readout, type Style } from './plot';

const HOUR_SECONDS = 3_600;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8, 1e9];

interface ChartProps {
  label: string;
  /** Beginning of each hour, seconds since 1970. */
  at: number[];
  bars: number[];
  /** The part of each bar that is drawn in the colour of errors. */
  marked: number[] | null;
  markedName: string;
  /** Half a run is no mark for an axis. */
  whole: boolean;
  format: (value: number) => string;
}

/** Bars by hour. */
export function Chart(props: ChartProps) {
  const { label, at, bars, marked } = props;
  return (
    <Plot
      label={label}
      class="chart"
      height={148}
      drawn={[at, bars, marked]}
      data={marked ? [at, bars, marked] : [at, bars]}
      options={(style) => options(props, style)}
    />
  );
}

function options(props: ChartProps, { colour, axis }: Style): Omit<uPlot.Options, 'width' | 'height'> {
  const bars = uPlot.paths.bars?.({ size: [0.72, 26], align: 1 });
  const series = (fill: string): uPlot.Series => ({
    fill,
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  });
  const first = props.at[0] ?? 0;
  const last = (props.at.at(-1) ?? first) + HOUR_SECONDS;
  return {
    padding: [10, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { range: () => [first, last] }, y: { range: (_, __, max) => [0, Math.max(max * 1.08, 1e-9)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        values: (_, splits) => splits.map((split) => (split < last ? clock(new Date(split * 1000).toISOString()) : '')),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: 52,
        space: 26,
        ...(props.whole ? { incrs: WHOLE_STEPS } : {}),
        values: (_, splits) => splits.map((split) => props.format(split)),
      },
    ],
    series: [{}, series(colour('--accent-bar')), ...(props.marked ? [series(colour('--bad'))] : [])],
    plugins: [readout((index) => hourText(props, index))],
  };
}

/** The numbers of one hour. */
function hourText({ at, bars, marked, markedName, format }: ChartProps, index: number): string {
  const from = new Date((at[index] ?? 0) * 1000).toISOString();
  const part = marked?.[index];
  return `${clock(from)} · ${format(bars[index] ?? 0)}${part ? ` · ${part} ${markedName}` : ''}`;
}
