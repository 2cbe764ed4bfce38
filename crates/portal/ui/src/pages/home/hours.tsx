import { useState } from 'preact/hooks';
import type { Hour } from '../../api/shapes';
import { cost, costReason, dollars } from '../../format/money';
import { exact, short } from '../../format/number';
import { clock } from '../../format/time';
import { query, setQuery } from '../../location';
import { Chart } from '../../ui/chart';
import { Icon } from '../../ui/icon';
import { Choice } from '../../ui/tabs';

type Measure = 'runs' | 'tokens' | 'cost';
const MEASURES: [Measure, string][] = [
  ['runs', 'Runs'],
  ['tokens', 'Tokens'],
  ['cost', 'Cost'],
];

export function Hours({ hours }: { hours: Hour[] }) {
  const [measure, setMeasure] = useState<Measure>('runs');
  const asTable = query.value.get('chart') === 'table';
  return (
    <section class="block hours">
      <h2>
        <span>By hour</span>
        <span class="spacer" />
        {!asTable && <Choice label="Measure" choices={MEASURES} chosen={measure} choose={setMeasure} />}
        <button
          type="button"
          class="icon-button"
          aria-pressed={asTable}
          aria-label="Show as a table"
          title={asTable ? 'Show as a chart' : 'Show as a table'}
          onClick={() => setQuery({ chart: asTable ? null : 'table' })}
        >
          <Icon name={asTable ? 'chart' : 'table'} />
        </button>
      </h2>
      {asTable ? (
        <HourTable hours={hours} />
      ) : hours.some((hour) => hour.runs > 0) ? (
        <HourChart hours={hours} measure={measure} />
      ) : (
        <p class="calm chart-empty">No runs in the last 24 hours.</p>
      )}
    </section>
  );
}

function HourChart({ hours, measure }: { hours: Hour[]; measure: Measure }) {
  const value: Record<Measure, (hour: Hour) => number> = {
    runs: (hour) => hour.runs,
    tokens: (hour) => hour.tokens,
    cost: (hour) => hour.cost_usd ?? 0,
  };
  const label = `${measure} by hour; the table button shows the numbers`;
  return (
    <Chart
      label={label}
      at={hours.map((hour) => Date.parse(hour.at) / 1000)}
      bars={hours.map(value[measure])}
      marked={measure === 'runs' ? hours.map((hour) => hour.errors) : null}
      markedName="failed"
      whole={measure !== 'cost'}
      format={measure === 'cost' ? dollars : short}
    />
  );
}

function HourTable({ hours }: { hours: Hour[] }) {
  return (
    <div class="scroll short" tabIndex={0} role="region" aria-label="Numbers by hour">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Hour</th>
            <th scope="col" class="num">
              Runs
            </th>
            <th scope="col" class="num">
              Failed
            </th>
            <th scope="col" class="num">
              Tokens
            </th>
            <th scope="col" class="num">
              Cost (est.)
            </th>
          </tr>
        </thead>
        <tbody>
          {[...hours].reverse().map((hour) => (
            <tr key={hour.at}>
              <th scope="row">{clock(hour.at)}</th>
              <td class="num">{exact(hour.runs)}</td>
              <td class="num">{exact(hour.errors)}</td>
              <td class="num">{exact(hour.tokens)}</td>
              <td class="num" title={costReason(hour)}>
                {cost(hour)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
