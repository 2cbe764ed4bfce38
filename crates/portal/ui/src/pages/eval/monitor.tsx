import { useEffect } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send } from '../../api/client';
import type { MonitorDetail, MonitorPoint } from '../../api/eval';
import { estimateText, valueText } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';
import { navigate, query, setQuery } from '../../location';
import { runPath } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { BandChart } from '../../ui/band-chart';
import { Confirm } from '../../ui/confirm';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { MONITOR_REFRESH_MS } from './monitors';
import { MonitorStatus } from './status';
import { alarmNearness, monitorState, promiseWords, selectorWords, shortDigest } from './words';
import { Ticked } from '../../ui/ticked';

export default function MonitorPage({ id }: { id: string }) {
  const path = `/monitors/${encodeURIComponent(id)}`;
  const resource = useData<MonitorDetail>(path);
  const monitor = resource.data.value;
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void resource.reload(), MONITOR_REFRESH_MS);
    return () => window.clearInterval(timer);
  }, [path]);
  return (
    <>
      <PageHead title={monitor?.name ?? 'Monitor'} up={{ href: '/evaluations/monitors', name: 'Monitors' }}>
        {monitor && <Actions monitor={monitor} path={path} />}
      </PageHead>
      <Loaded resource={resource} rows={10}>
        {(shown) => (
          <>
            <Facts monitor={shown} />
            {shown.problem && (
              <p class="run-error">
                <Icon name="alert" /> <Ticked text={shown.problem} />
              </p>
            )}
            <Course monitor={shown} />
            <section class="block words">
              <div>
                <h2>What it promises</h2>
                <p>{promiseWords(shown)}</p>
              </div>
              <Nearness monitor={shown} />
            </section>
            {shown.alarms.length > 0 && <Alarms monitor={shown} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function Actions({ monitor, path }: { monitor: MonitorDetail; path: string }) {
  const { problem, act } = useAct();
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      refresh((read) => read === '/monitors');
      navigate('/evaluations/monitors');
    });
  return (
    <div class="actions">
      {problem && <span class="bad-text">{problem}</span>}
      <MonitorStatus state={monitorState(monitor)} />
      <Confirm least="developer" word="Delete" question={`Delete ${monitor.name}?`} act={remove} />
    </div>
  );
}

function Facts({ monitor }: { monitor: MonitorDetail }) {
  return (
    <dl class="run-facts page">
      <Fact name="Now">{estimateText(monitor.estimate, null)}</Fact>
      <Fact name="Baseline">{monitor.baseline === null ? 'none' : valueText(monitor.baseline, null)}</Fact>
      <Fact name="Evaluator">
        {monitor.evaluator.name} <span class="faint">v{monitor.evaluator.version}</span>
      </Fact>
      <Fact name="Runs">{selectorWords(monitor.selector)}</Fact>
      <Fact name="Counted">
        {plural(monitor.units, monitor.unit_of_count)}
        {monitor.units !== monitor.n && <span class="faint"> ({plural(monitor.n, 'score')})</span>}
        {monitor.open_units > 0 && <span class="faint"> · {exact(monitor.open_units)} not finished</span>}
      </Fact>
      {monitor.skipped > 0 && <Fact name="Not scored">{plural(monitor.skipped, 'run')}</Fact>}
      {monitor.agent_digest && (
        <Fact name="Agent digest" title={monitor.agent_digest}>
          <code>{shortDigest(monitor.agent_digest)}</code>
        </Fact>
      )}
      <Fact name="As of">{monitor.as_of ? <Ago at={monitor.as_of} /> : 'nothing yet'}</Fact>
    </dl>
  );
}

function Course({ monitor }: { monitor: MonitorDetail }) {
  const asTable = query.value.get('chart') === 'table';
  return (
    <section class="block">
      <h2>
        Over time
        <span class="spacer" />
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
      {monitor.points.length === 0 ? (
        <p class="calm band-empty">Waiting for the first run that matches.</p>
      ) : asTable ? (
        <PointTable points={monitor.points} />
      ) : (
        <Drawn monitor={monitor} />
      )}
    </section>
  );
}

const seconds = (at: string): number => Date.parse(at) / 1000;

function Drawn({ monitor }: { monitor: MonitorDetail }) {
  const { points, alarms, baseline } = monitor;
  return (
    <BandChart
      label={`${monitor.evaluator.name} over time with its band; the table button shows the numbers`}
      at={points.map(({ at }) => seconds(at))}
      value={points.map(({ value }) => value)}
      lower={points.map(({ lower }) => lower)}
      upper={points.map(({ upper }) => upper)}
      level={baseline}
      levelName="baseline"
      alarms={alarms.map(({ at }) => seconds(at))}
      format={(value) => Number(value.toFixed(3)).toString()}
      isScore
    />
  );
}

function PointTable({ points }: { points: MonitorPoint[] }) {
  return (
    <div class="scroll band-table" tabIndex={0} role="region" aria-label="The numbers of the chart">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" class="num mid">
              Counted
            </th>
            <th scope="col" class="num">
              Estimate
            </th>
            <th scope="col" class="num">
              Band
            </th>
            <th scope="col" class="num mid" title="Evidence for a change; at the threshold the alarm goes off">
              Detector
            </th>
            <th scope="col">Alarm</th>
          </tr>
        </thead>
        <tbody>
          {[...points].reverse().map((point) => (
            <tr key={`${point.at}:${point.n}`}>
              <th scope="row">{instant(point.at)}</th>
              <td class="num mid">{exact(point.n)}</td>
              <td class="num">{valueText(point.value, null)}</td>
              <td class="num">
                {valueText(point.lower, null)}–{valueText(point.upper, null)}
              </td>
              <td class="num mid">{point.detector === null ? '–' : evidenceText(point.detector)}</td>
              <td>{point.alarm ? <MonitorStatus state="alarmed" /> : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function evidenceText(value: number): string {
  return value >= 1000 ? exact(Math.round(value)) : Number(value.toPrecision(3)).toString();
}

/** How far the detector has come, on the scale on which evidence multiplies. */
function Nearness({ monitor }: { monitor: MonitorDetail }) {
  if (monitor.baseline === null || monitor.detector === null) return null;
  const share = alarmNearness(monitor.detector, monitor.detector_threshold);
  return (
    <div>
      <h2>Nearness to an alarm</h2>
      <div
        class={share >= 1 ? 'meter full' : 'meter'}
        role="meter"
        aria-label="Nearness to an alarm"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share)}
      >
        <i style={{ width: `${100 * share}%` }} />
      </div>
      <p class="faint">
        The detector stands at {evidenceText(monitor.detector)} of {evidenceText(monitor.detector_threshold)} (drawn
        logarithmically).
      </p>
    </div>
  );
}

function Alarms({ monitor }: { monitor: MonitorDetail }) {
  return (
    <section class="block">
      <h2>Alarms</h2>
      <table class="rows" aria-label="Alarms">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" class="num">
              After
            </th>
            <th scope="col" class="num mid">
              Detector
            </th>
            <th scope="col">Run that raised it</th>
          </tr>
        </thead>
        <tbody>
          {monitor.alarms.map((alarm) => (
            <tr key={alarm.at}>
              <th scope="row">{instant(alarm.at)}</th>
              <td class="num">{plural(alarm.n, monitor.unit_of_count)}</td>
              <td class="num mid">{evidenceText(alarm.detector)}</td>
              <td class="clip">
                {alarm.run_id ? (
                  <a href={runPath(alarm.run_id)} data-row>
                    Open the run
                  </a>
                ) : (
                  '–'
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
