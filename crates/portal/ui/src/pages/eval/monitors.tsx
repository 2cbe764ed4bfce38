import { useEffect } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { MonitorSummary, Page } from '../../api/eval';
import { domainOf } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { query } from '../../location';
import { monitorPath } from '../../router';
import { Ago } from '../../ui/ago';
import { EstimateView } from '../../ui/estimate';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { EvalHead } from './head';
import { NewMonitor } from './new-monitor';
import { MonitorStatus } from './status';
import { monitorState, promiseWords, selectorWords, type MonitorState } from './words';
import { Ticked } from '../../ui/ticked';

/** A monitor moves with the runs; people look now and then. */
export const MONITOR_REFRESH_MS = 5_000;
const ORDER: MonitorState[] = ['alarmed', 'watching'];

export default function MonitorsPage() {
  if (query.value.has('new')) return <NewMonitor />;
  return <List />;
}

function List() {
  const resource = useData<Page<MonitorSummary>>('/monitors');
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void resource.reload(), MONITOR_REFRESH_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <>
      <EvalHead title="Monitors">
        <div class="actions">
          <ForRole least="developer">
            <a class="button small primary" href="/evaluations/monitors?new=1">
              <Icon name="plus" /> New monitor
            </a>
          </ForRole>
        </div>
      </EvalHead>
      <Loaded resource={resource}>
        {({ items }) => (items.length > 0 ? <Table monitors={items} /> : <NoMonitors />)}
      </Loaded>
    </>
  );
}

function NoMonitors() {
  return (
    <Empty title="No monitors yet">
      <p>
        A monitor scores every new run and never stops looking. Its band holds at every moment, so one may look as often
        as one likes, and its alarm comes with a stated rate of false ones.
      </p>
      <div class="empty-steps">
        <p>
          <a href="/evaluations/monitors?new=1">Make the first one</a>: which runs, which evaluator, and how often it
          may cry wolf.
        </p>
      </div>
    </Empty>
  );
}

function Table({ monitors }: { monitors: MonitorSummary[] }) {
  const ordered = [...monitors].sort((a, b) => ORDER.indexOf(monitorState(a)) - ORDER.indexOf(monitorState(b)));
  return (
    <table class="rows evals">
      <thead>
        <tr>
          <th scope="col" class="col-state">
            State
          </th>
          <th scope="col">Monitor</th>
          <th scope="col" class="wide">
            Evaluator
          </th>
          <th scope="col" class="widest">
            Runs
          </th>
          <th
            scope="col"
            class="col-estimate"
            title="With the band that holds at every moment; the line is the baseline"
          >
            Estimate
          </th>
          <th scope="col" class="num mid">
            Counted
          </th>
          <th scope="col" class="mid">
            False alarms
          </th>
          <th scope="col" class="num mid">
            Last
          </th>
        </tr>
      </thead>
      <tbody>
        {ordered.map((monitor) => (
          <Row key={monitor.id} monitor={monitor} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ monitor }: { monitor: MonitorSummary }) {
  const unit = null;
  return (
    <tr>
      <td class="col-state" title={monitor.problem ?? undefined}>
        <MonitorStatus state={monitorState(monitor)} />
      </td>
      <td class="col-title clip">
        <a href={monitorPath(monitor.id)} data-row>
          {monitor.name}
        </a>
        {monitor.problem && (
          <span class="warn-text">
            {' '}
            · <Ticked text={monitor.problem} />
          </span>
        )}
      </td>
      <td class="wide clip">{monitor.evaluator.name}</td>
      <td class="widest clip" title={selectorWords(monitor.selector)}>
        {selectorWords(monitor.selector)}
      </td>
      <td class="col-estimate">
        {monitor.estimate ? (
          <EstimateView
            estimate={monitor.estimate}
            unit={unit}
            domain={domainOf([monitor.estimate], unit)}
            marks={monitor.baseline === null ? [] : [monitor.baseline]}
          />
        ) : (
          <span class="faint">nothing yet</span>
        )}
      </td>
      <td
        class="num mid"
        title={monitor.skipped > 0 ? `${plural(monitor.skipped, 'run')} could not be scored` : undefined}
      >
        {exact(monitor.units)}
      </td>
      <td class="mid" title={promiseWords(monitor)}>
        {monitor.baseline === null ? (
          <span class="faint">no alarm</span>
        ) : (
          `≤ 1 in ${plural(monitor.average_run_length, monitor.unit_of_count)}`
        )}
      </td>
      <td class="num mid">
        {monitor.alarm_at ? (
          <span class="bad-text">
            alarm <Ago at={monitor.alarm_at} />
          </span>
        ) : monitor.as_of ? (
          <Ago at={monitor.as_of} />
        ) : (
          '–'
        )}
      </td>
    </tr>
  );
}
