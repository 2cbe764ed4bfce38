import uPlot from 'uplot';
import type { LevelCounts } from '../../api/catalog';
import type { Scorecards } from '../../api/catalog-shapes';
import { exact } from '../../format/number';
import { Plot, readout, type Style } from '../../ui/plot';
import { Ticked } from '../../ui/ticked';
import { LEVEL_KEYS, levelName } from './words';

const HEIGHT = 132;
const DAY_SECONDS = 86_400;
/** From the top of the pile downwards: the highest level lies at the bottom, where a line is easiest to follow. */
const PILED: (keyof LevelCounts)[] = ['none', 'known', 'controlled', 'proven', 'trusted'];
const COLOURS: Record<keyof LevelCounts, string> = {
  none: '--level-none',
  known: '--level-known',
  controlled: '--level-controlled',
  proven: '--level-proven',
  trusted: '--level-trusted',
};

/** How many agents were at which level, day by day, one pile a day. */
export function Trend({ trend }: { trend: Scorecards['trend'] }) {
  return (
    <section class="block" aria-labelledby="trend">
      <h2 id="trend">Levels by day</h2>
      {trend.length < 2 ? (
        <p class="calm">
          <Ticked text="A trend needs two days; scorecards are computed and kept every day from now on." />
        </p>
      ) : (
        <>
          <Piles trend={trend} />
          <details class="trend-table">
            <summary>As a table</summary>
            <TrendTable trend={trend} />
          </details>
        </>
      )}
    </section>
  );
}

/** Per series: what lies below and in it, so that the bars of one day stand on each other. */
function piles(trend: Scorecards['trend']): number[][] {
  return PILED.map((_, at) => trend.map((day) => PILED.slice(at).reduce((sum, key) => sum + day[key], 0)));
}

function Piles({ trend }: { trend: Scorecards['trend'] }) {
  const at = trend.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const data = piles(trend);
  return (
    <Plot
      label="Agents by level and day"
      class="chart"
      height={HEIGHT}
      drawn={[at, data]}
      data={[at, ...data]}
      options={(style) => options(trend, at, style)}
    />
  );
}

const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function options(
  trend: Scorecards['trend'],
  at: number[],
  { colour, axis }: Style,
): Omit<uPlot.Options, 'width' | 'height'> {
  const bars = uPlot.paths.bars?.({ size: [0.8, 26], align: 0 });
  const first = (at[0] ?? 0) - DAY_SECONDS / 2;
  const last = (at.at(-1) ?? 0) + DAY_SECONDS / 2;
  return {
    padding: [10, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { range: () => [first, last] }, y: { range: (_, __, max) => [0, Math.max(max * 1.08, 1)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 64,
        incrs: [1, 2, 7, 14, 30].map((days) => days * DAY_SECONDS),
        values: (_, splits) => splits.map((split) => date.format(new Date(split * 1000))),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        size: 34,
        space: 26,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
        values: (_, splits) => splits.map((split) => exact(split)),
      },
    ],
    series: [
      {},
      ...PILED.map((key): uPlot.Series => ({
        fill: colour(COLOURS[key]),
        width: 0,
        points: { show: false },
        ...(bars ? { paths: bars } : {}),
      })),
    ],
    plugins: [readout((index) => dayText(trend[index]))],
  };
}

function dayText(day: Scorecards['trend'][number] | undefined): string {
  if (!day) return '';
  const told = LEVEL_KEYS.filter((key) => day[key] > 0).map(
    (key) => `${exact(day[key])} ${levelName(key).toLowerCase()}`,
  );
  return `${date.format(Date.parse(`${day.day}T00:00:00Z`))} · ${told.join(', ')}`;
}

function TrendTable({ trend }: { trend: Scorecards['trend'] }) {
  return (
    <div class="scroll short" tabIndex={0} role="region" aria-label="Levels by day as a table">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Day</th>
            {LEVEL_KEYS.map((key) => (
              <th key={key} scope="col" class="num">
                {levelName(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {trend.map((day) => (
            <tr key={day.day}>
              <th scope="row">{day.day}</th>
              {LEVEL_KEYS.map((key) => (
                <td key={key} class="num">
                  {exact(day[key])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
