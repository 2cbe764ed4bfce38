import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { clock } from '../format/time';
import { isDark } from '../shell/theme';

const HEIGHT = 148;
const HOUR_SECONDS = 3_600;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8, 1e9];

export interface ChartProps {
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

/** Bars by hour on a canvas. Colours come from the style sheet, so a change of theme draws it anew. */
export function Chart(props: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = isDark();
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const plot = new uPlot(options(props, host), data(props), host);
    const watcher = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT }));
    watcher.observe(host);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [dark, props.label, JSON.stringify([props.at, props.bars, props.marked])]);
  return <div class="chart" ref={box} role="img" aria-label={props.label} />;
}

function data({ at, bars, marked }: ChartProps): uPlot.AlignedData {
  return marked ? [at, bars, marked] : [at, bars];
}

function options(props: ChartProps, host: HTMLElement): uPlot.Options {
  const colour = (name: string): string => resolved(host, name);
  const axis = {
    stroke: colour('--text-2'),
    font: `11px ${getComputedStyle(host).fontFamily}`,
    ticks: { show: false },
  };
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
    width: host.clientWidth,
    height: HEIGHT,
    legend: { show: false },
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
    plugins: [readout(props)],
  };
}

/** The numbers of the hour under the pointer. */
function readout(props: ChartProps): uPlot.Plugin {
  const tip = document.createElement('div');
  tip.className = 'chart-tip';
  tip.hidden = true;
  const show = (plot: uPlot): void => {
    const index = plot.cursor.idx;
    const left = plot.cursor.left ?? -1;
    tip.hidden = index === null || index === undefined || left < 0;
    if (tip.hidden || index === null || index === undefined) return;
    const from = new Date((props.at[index] ?? 0) * 1000).toISOString();
    const marked = props.marked?.[index];
    tip.textContent = `${clock(from)} · ${props.format(props.bars[index] ?? 0)}${marked ? ` · ${marked} ${props.markedName}` : ''}`;
    tip.style.transform = `translateX(${Math.min(left, plot.over.clientWidth - tip.offsetWidth)}px)`;
  };
  return { hooks: { init: (plot) => void plot.over.append(tip), setCursor: show } };
}

/** A custom property as the browser resolves it: `light-dark()` is nothing a canvas understands. */
export function resolved(host: HTMLElement, name: string): string {
  const before = host.style.color;
  host.style.color = `var(${name})`;
  const colour = getComputedStyle(host).color;
  host.style.color = before;
  return colour;
}
