import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { ExperimentSummary, MonitorSummary, Page } from '../../api/eval';
import { domainOf } from '../../format/estimate';
import { experimentPath, monitorPath } from '../../router';
import { Ago } from '../../ui/ago';
import { EstimateView } from '../../ui/estimate';
import { Loaded } from '../../ui/loaded';
import { Evidence, type RunningVersion } from '../agents/evidence';
import { ExperimentState, MonitorStatus } from '../eval/status';
import { headline, monitorState } from '../eval/words';

/** What was measured of an agent: evidence that policy may rest on, monitors that watch it, experiments over its runs. */
export function EvalsTab({ agent, running }: { agent: string; running: RunningVersion }) {
  return (
    <>
      <Evidence agent={agent} running={running} />
      <Monitors agent={agent} />
      <Experiments agent={agent} />
    </>
  );
}

function Monitors({ agent }: { agent: string }) {
  const resource = useData<Page<MonitorSummary>>('/monitors');
  return (
    <section class="block inset">
      <h2>
        Monitors <a href="/evaluations/monitors">All monitors</a>
      </h2>
      <Loaded resource={resource} rows={2}>
        {({ items }) => {
          const mine = items.filter(({ selector }) => selector.agent === agent);
          if (mine.length === 0) {
            return (
              <p class="calm">
                None looks at this agent.{' '}
                <a href={withQuery('/evaluations/monitors', { new: 1, agent })}>Make the first one</a>
              </p>
            );
          }
          return (
            <table class="rows evals" aria-label="Monitors">
              <thead>
                <tr>
                  <th scope="col" class="col-state">
                    State
                  </th>
                  <th scope="col">Monitor</th>
                  <th scope="col">Estimate</th>
                </tr>
              </thead>
              <tbody>
                {mine.map((monitor) => (
                  <tr key={monitor.id}>
                    <td class="col-state">
                      <MonitorStatus state={monitorState(monitor)} />
                    </td>
                    <td class="clip">
                      <a href={monitorPath(monitor.id)} data-row>
                        {monitor.name}
                      </a>
                    </td>
                    <td class="col-estimate">
                      <EstimateView
                        estimate={monitor.estimate}
                        unit={null}
                        domain={domainOf([monitor.estimate], null)}
                        marks={monitor.baseline === null ? [] : [monitor.baseline]}
                      />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </Loaded>
    </section>
  );
}

/** The newest of all agents; those of this one are picked out. */
const EXPERIMENTS = '/experiments?limit=100';

function Experiments({ agent }: { agent: string }) {
  const resource = useData<Page<ExperimentSummary>>(EXPERIMENTS);
  return (
    <section class="block inset">
      <h2>
        Experiments <a href={withQuery('/evaluations', { agent })}>All of this agent</a>
      </h2>
      <Loaded resource={resource} rows={2}>
        {({ items }) => {
          const mine = items.filter(({ agents }) => agents.includes(agent));
          return mine.length === 0 ? (
            <p class="calm">None among the newest.</p>
          ) : (
            <table class="rows evals" aria-label="Experiments">
              <thead>
                <tr>
                  <th scope="col" class="col-state">
                    State
                  </th>
                  <th scope="col">Experiment</th>
                  <th scope="col">Headline</th>
                  <th scope="col" class="num mid">
                    Made
                  </th>
                </tr>
              </thead>
              <tbody>
                {mine.map((experiment) => (
                  <tr key={experiment.id}>
                    <td class="col-state">
                      <ExperimentState experiment={experiment} />
                    </td>
                    <td class="clip">
                      <a href={experimentPath(experiment.id)} data-row>
                        {experiment.name}
                      </a>
                    </td>
                    <td class="col-estimate">
                      <Headline experiment={experiment} />
                    </td>
                    <td class="num mid">
                      <Ago at={experiment.created_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </Loaded>
    </section>
  );
}

function Headline({ experiment }: { experiment: ExperimentSummary }) {
  const [first] = experiment.aggregates;
  if (!first) return <span class="faint">–</span>;
  const { estimate, unit } = headline(first);
  return (
    <>
      <span class="faint mid">{first.evaluator.name} </span>
      <EstimateView estimate={estimate} unit={unit} />
    </>
  );
}
