import type uPlot from 'uplot';
import { clock, instant } from '../format/time';
import { Plot, readout, type Style } from './plot';

const MARK_RADIUS = 4;

interface BandChartProps {
  label: string;
  /** Seconds since 1970. */
  at: number[];
  value: number[];
  lower: number[];
  upper: number[];
  /** A level to compare with, drawn dashed. */
  level: number | null;
  levelName: string;
  /** Instants at which an alarm was raised. */
  alarms: number[];
  format: (value: number) => string;
  /** Scores stay within [0, 1]; what is counted has no upper end. */
  isScore: boolean;
}

/** A line in its band over time. The band narrows as more is known, which is what one should see. */
export function BandChart(props: BandChartProps) {
  const { label, at, value, lower, upper, alarms } = props;
  return (
    <Plot
      label={label}
      class="band-chart"
      height={240}
      drawn={[at, value, lower, upper, alarms]}
      data={[at, upper, lower, value]}
      options={(style) => options(props, style)}
    />
  );
}

function options(props: BandChartProps, { colour, font, axis }: Style): Omit<uPlot.Options, 'width' | 'height'> {
  const edge: uPlot.Series = { stroke: colour('--accent-bar'), width: 1, points: { show: false } };
  return {
    padding: [12, 16, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: () => range(props) } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 64,
        values: (_, splits) => splits.map((split) => timeMark(split * 1000)),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: 58,
        values: (_, splits) => splits.map((split) => props.format(split)),
      },
    ],
    series: [{}, edge, edge, { stroke: colour('--accent'), width: 2, points: { show: props.at.length === 1 } }],
    bands: [{ series: [1, 2], fill: colour('--band') }],
    plugins: [marks(props, colour, font), readout((index) => pointText(props, index))],
  };
}

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** The day where one begins, else the time. */
function timeMark(ms: number): string {
  const at = new Date(ms);
  return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : clock(at.toISOString());
}

/** Everything drawn lies inside, with a little air; a score is never shown outside [0, 1]. */
function range({ lower, upper, level, isScore }: BandChartProps): [number, number] {
  const levels = level === null ? [] : [level];
  const low = Math.min(...lower, ...levels);
  const high = Math.max(...upper, ...levels);
  const air = Math.max((high - low) * 0.06, 1e-6);
  return isScore ? [Math.max(0, low - air), Math.min(1, high + air)] : [Math.max(0, low - air), high + air];
}

/** The level and the alarms, over the lines. */
function marks(props: BandChartProps, colour: (name: string) => string, font: string): uPlot.Plugin {
  const draw = (plot: uPlot): void => {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * ratio;
    if (props.level !== null) {
      const y = plot.valToPos(props.level, 'y', true);
      ctx.strokeStyle = colour('--text-2');
      ctx.fillStyle = colour('--text-2');
      ctx.font = font.replace('11px', `${11 * ratio}px`);
      ctx.setLineDash([5 * ratio, 4 * ratio]);
      line(ctx, left, y, left + width, y);
      ctx.textAlign = 'right';
      // A rim in the colour of the page, since lines may run below the word.
      ctx.setLineDash([]);
      ctx.lineWidth = 4 * ratio;
      ctx.strokeStyle = colour('--bg');
      ctx.strokeText(props.levelName, left + width - 4 * ratio, y - 5 * ratio);
      ctx.lineWidth = 1.5 * ratio;
      ctx.fillText(props.levelName, left + width - 4 * ratio, y - 5 * ratio);
    }
    ctx.strokeStyle = colour('--bad');
    ctx.fillStyle = colour('--bad');
    for (const at of props.alarms) {
      const x = plot.valToPos(at, 'x', true);
      line(ctx, x, top, x, top + height);
      ctx.beginPath();
      ctx.arc(x, top + MARK_RADIUS * ratio, MARK_RADIUS * ratio, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  };
  return { hooks: { draw } };
}

function line(ctx: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

/** The numbers of one moment. */
function pointText(props: BandChartProps, index: number): string {
  const [value, lower, upper] = [props.value[index], props.lower[index], props.upper[index]].map((number) =>
    props.format(number ?? 0),
  );
  return `${instant(new Date((props.at[index] ?? 0) * 1000).toISOString())} · ${value} (${lower}–${upper})`;
}
