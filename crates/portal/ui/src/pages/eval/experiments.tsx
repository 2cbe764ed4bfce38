import { useEffect } from 'preact/hooks';
import { usePages } from '../../api/pages';
import type { ExperimentSummary } from '../../api/eval';
import { withQuery } from '../../api/client';
import { domainOf, sampleWords } from '../../format/estimate';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { agentPath, evalSetPath, experimentPath } from '../../router';
import { useKeys } from '../../shell/shortcuts';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { EstimateView } from '../../ui/estimate';
import { Given } from '../../ui/filter';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { Name } from '../../ui/name';
import { Empty } from '../../ui/waiting';
import { EvalHead } from './head';
import { NewExperiment } from './new-experiment';
import { ExperimentState } from './status';
import { headline, passedWords } from './words';

const PATH = '/experiments?limit=50';
/** Running experiments count up while one looks. */
const FOLLOW_MS = 1_500;

export default function ExperimentsPage() {
  if (query.value.has('new')) return <NewExperiment />;
  return <List />;
}

function List() {
  const pages = usePages<ExperimentSummary>(PATH);
  const picked = query.value.get('pick')?.split(',').filter(Boolean) ?? [];
  const agent = query.value.get('agent');
  const shown = pages.items?.filter(({ agents }) => agent === null || agents.includes(agent));
  const isRunning = pages.items?.some((experiment) => experiment.state === 'running') ?? false;
  useEffect(() => {
    if (!isRunning) return;
    const timer = window.setInterval(() => void pages.first.reload(), FOLLOW_MS);
    return () => window.clearInterval(timer);
  }, [isRunning]);
  // The two chosen last are what is compared.
  const pick = (id: string): void => {
    const next = picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id].slice(-2);
    setQuery({ pick: next.join(',') || null });
  };
  useKeys(({ key }) => handle(key, pick));
  const [a, b] = picked;
  return (
    <>
      <EvalHead title="Evaluations">
        <div class="actions">
          {a && b ? (
            <a class="button small" href={withQuery('/evaluations/compare', { a, b })}>
              Compare the two
            </a>
          ) : (
            a && <span class="count">choose one more to compare</span>
          )}
          <ForRole least="developer">
            <a class="button small primary" href="/evaluations?new=1">
              <Icon name="plus" /> New experiment
            </a>
          </ForRole>
        </div>
      </EvalHead>
      <Loaded resource={pages.first}>
        {() =>
          pages.items && pages.items.length > 0 ? (
            <>
              {agent !== null && (
                <div class="filters">
                  <Given name="agent" value={agent} />
                  {pages.more && (
                    <span class="faint">of the {plural(pages.items.length, 'experiment')} read so far</span>
                  )}
                </div>
              )}
              {shown && shown.length > 0 ? (
                <Table experiments={shown} picked={picked} pick={pick} />
              ) : (
                <p class="calm">No experiment of this agent here.</p>
              )}
              <NextPage pages={pages} />
            </>
          ) : (
            <NoExperiments />
          )
        }
      </Loaded>
    </>
  );
}

/** x chooses the row that has the focus. */
function handle(key: string, pick: (id: string) => void): boolean {
  const id = document.activeElement?.getAttribute('data-experiment');
  if (key !== 'x' || !id) return false;
  pick(id);
  return true;
}

function NoExperiments() {
  return (
    <Empty title="No experiments yet">
      <p>
        An experiment scores recorded runs, without running the agent again, and says how sure it is. It needs runs, and
        for comparing with what was expected an <a href="/evaluations/sets">eval set</a>.
      </p>
      <div class="empty-steps">
        <Command text="mizzen eval run --set golden.json --runs agent=NAME" />
        <p>
          or <a href="/evaluations?new=1">start one here</a>.
        </p>
      </div>
    </Empty>
  );
}

function Table({
  experiments,
  picked,
  pick,
}: {
  experiments: ExperimentSummary[];
  picked: string[];
  pick: (id: string) => void;
}) {
  return (
    <table class="rows evals">
      <thead>
        <tr>
          <th scope="col" class="col-pick">
            <span class="hidden">Choose for comparison</span>
          </th>
          <th scope="col" class="col-state">
            State
          </th>
          <th scope="col">Experiment</th>
          <th scope="col" class="wide">
            Agent
          </th>
          <th scope="col" class="widest">
            Set
          </th>
          <th scope="col" class="wide">
            Evaluator
          </th>
          <th
            scope="col"
            class="col-estimate"
            title="Pass rate, or mean where there is no threshold, with its interval"
          >
            Estimate
          </th>
          <th scope="col" class="mid">
            From
          </th>
          <th scope="col" class="num mid">
            Made
          </th>
        </tr>
      </thead>
      <tbody>
        {experiments.map((experiment) => (
          <Row
            key={experiment.id}
            experiment={experiment}
            isPicked={picked.includes(experiment.id)}
            pick={() => pick(experiment.id)}
          />
        ))}
      </tbody>
    </table>
  );
}

function Row({ experiment, isPicked, pick }: { experiment: ExperimentSummary; isPicked: boolean; pick: () => void }) {
  const [first, ...others] = experiment.aggregates;
  const shown = first && headline(first);
  const [agent, ...moreAgents] = experiment.agents;
  return (
    <tr>
      <td class="col-pick">
        <input type="checkbox" aria-label={`Compare ${experiment.name}`} checked={isPicked} onChange={pick} />
      </td>
      <td class="col-state">
        <ExperimentState experiment={experiment} />
      </td>
      <td class="col-title clip">
        <a href={experimentPath(experiment.id)} data-row data-experiment={experiment.id}>
          {experiment.name}
        </a>
      </td>
      <td class="wide clip">
        {agent && (
          <a href={agentPath(agent)} tabIndex={-1}>
            <Name text={agent} />
          </a>
        )}
        {moreAgents.length > 0 && <span class="faint"> +{moreAgents.length}</span>}
      </td>
      <td class="widest clip">
        {experiment.set ? (
          <a href={evalSetPath(experiment.set.name)} tabIndex={-1}>
            {experiment.set.name} <span class="faint">v{experiment.set.version}</span>
          </a>
        ) : (
          <span class="faint">none</span>
        )}
      </td>
      <td class="wide clip" title={experiment.aggregates.map(({ evaluator }) => evaluator.name).join(', ')}>
        {first?.evaluator.name}
        {others.length > 0 && <span class="faint"> +{others.length}</span>}
      </td>
      <td class="col-estimate">
        {shown?.estimate ? (
          <EstimateView estimate={shown.estimate} unit={shown.unit} domain={domainOf([shown.estimate], shown.unit)} />
        ) : (
          <span class="faint">{experiment.state === 'running' ? `${plural(experiment.runs, 'run')} so far` : '–'}</span>
        )}
      </td>
      <td class="mid" title={first && passedWords(first)}>
        {shown?.estimate ? sampleWords(shown.estimate) : '–'}
      </td>
      <td class="num mid">
        <Ago at={experiment.created_at} />
      </td>
    </tr>
  );
}
