import { useEffect } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send, withQuery } from '../../api/client';
import type { Aggregate, ExperimentSummary } from '../../api/eval';
import { domainOf } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';
import { navigate, query, setQuery } from '../../location';
import { agentPath, evalSetPath } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Confirm } from '../../ui/confirm';
import { Copy } from '../../ui/copy';
import { EstimateView } from '../../ui/estimate';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Empty } from '../../ui/waiting';
import { Cases } from './cases';
import { ExperimentState } from './status';
import { clusterWords, headline, intervalWords, passedWords, selectorWords, shortDigest, skippedWords } from './words';
import { methodWord } from '../../format/estimate';
import { Ticked } from '../../ui/ticked';

const FOLLOW_MS = 1_000;

export default function ExperimentPage({ id }: { id: string }) {
  const path = `/experiments/${encodeURIComponent(id)}`;
  const resource = useData<ExperimentSummary>(path);
  const experiment = resource.data.value;
  const isRunning = experiment?.state === 'running';
  useEffect(() => {
    if (!isRunning) return;
    const timer = window.setInterval(() => void resource.reload(), FOLLOW_MS);
    return () => {
      window.clearInterval(timer);
      // Cases read while it ran are not all of them.
      refresh((read) => read.startsWith(`${path}/cases`));
    };
  }, [isRunning]);
  return (
    <>
      <PageHead title={experiment?.name ?? 'Experiment'} up={{ href: '/evaluations', name: 'Evaluations' }}>
        {experiment && <Actions experiment={experiment} path={path} />}
      </PageHead>
      <Loaded resource={resource} rows={12}>
        {(shown) => <Body experiment={shown} path={path} />}
      </Loaded>
    </>
  );
}

function Actions({ experiment, path }: { experiment: ExperimentSummary; path: string }) {
  const { problem, act } = useAct();
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      refresh((read) => read.startsWith('/experiments'));
      navigate('/evaluations');
    });
  return (
    <div class="actions">
      {problem && <span class="bad-text">{problem}</span>}
      <ExperimentState experiment={experiment} />
      {experiment.state === 'finished' && (
        <a class="button small" href={withQuery('/evaluations/compare', { b: experiment.id })}>
          Compare
        </a>
      )}
      <span class="mid">
        <Confirm least="developer" word="Delete" question={`Delete ${experiment.name}?`} act={remove} />
      </span>
    </div>
  );
}

function Body({ experiment, path }: { experiment: ExperimentSummary; path: string }) {
  const wanted = query.value.get('evaluator');
  const chosen = experiment.aggregates.find(({ evaluator }) => evaluator.name === wanted) ?? experiment.aggregates[0];
  return (
    <>
      <Facts experiment={experiment} />
      {experiment.problem && <Remark experiment={experiment} />}
      {chosen ? (
        <>
          <Aggregates aggregates={experiment.aggregates} chosen={chosen} />
          <Words aggregate={chosen} />
          <Cases path={path} evaluator={chosen} experiment={experiment} />
        </>
      ) : (
        <Empty title={experiment.state === 'running' ? 'Reading runs' : 'Nothing was scored'}>
          <p>
            {experiment.state === 'running'
              ? `${plural(experiment.runs, 'run')} so far.`
              : skippedWords(experiment.skipped)
                ? `Left out: ${skippedWords(experiment.skipped)}.`
                : 'No run was scored.'}
          </p>
        </Empty>
      )}
    </>
  );
}

/** Why it failed; of one that finished, what is worth knowing, such as why it gave no evidence. */
function Remark({ experiment: { state, problem } }: { experiment: ExperimentSummary }) {
  return state === 'failed' ? (
    <p class="run-error">
      <Icon name="failed" /> <Ticked text={problem ?? ''} />
    </p>
  ) : (
    <p class="remark">
      <Icon name="help" /> <Ticked text={problem ?? ''} />
    </p>
  );
}

function Facts({ experiment }: { experiment: ExperimentSummary }) {
  const skipped = skippedWords(experiment.skipped);
  return (
    <dl class="run-facts page">
      <Fact name="Set">
        {experiment.set ? (
          <a href={evalSetPath(experiment.set.name)}>
            {experiment.set.name} v{experiment.set.version}
          </a>
        ) : (
          'none'
        )}
      </Fact>
      <Fact name={experiment.agents.length === 1 ? 'Agent' : 'Agents'}>
        {experiment.agents.length === 0
          ? '–'
          : experiment.agents.map((agent, index) => (
              <span key={agent}>
                {index > 0 && ', '}
                <a href={agentPath(agent)}>
                  <Name text={agent} />
                </a>
              </span>
            ))}
      </Fact>
      <Fact
        name="Agent digest"
        title={experiment.agent_digest ?? 'The runs carry no agent digest: no evidence can be bound to one'}
      >
        {experiment.agent_digest ? (
          <span class="digest">
            <code>{shortDigest(experiment.agent_digest)}</code>
            <Copy text={experiment.agent_digest} label="Copy the agent digest" />
          </span>
        ) : (
          'unknown'
        )}
      </Fact>
      <Fact name="Runs" title={selectorWords(experiment.selector)}>
        {exact(experiment.runs)} <span class="faint">{selectorWords(experiment.selector)}</span>
      </Fact>
      {skipped && <Fact name="Left out">{skipped}</Fact>}
      <Fact name="Made" title={instant(experiment.created_at)}>
        <Ago at={experiment.created_at} /> {experiment.created_by && `by ${experiment.created_by}`}
      </Fact>
    </dl>
  );
}

/** One row an evaluator; the chosen one is explained below. */
function Aggregates({ aggregates, chosen }: { aggregates: Aggregate[]; chosen: Aggregate }) {
  return (
    <section class="block">
      <table class="rows evals" aria-label="Evaluators">
        <thead>
          <tr>
            <th scope="col">Evaluator</th>
            <th scope="col" class="col-estimate">
              Pass rate or mean
            </th>
            <th scope="col" class="mid">
              From
            </th>
            <th scope="col" class="num mid" title="The mean of the scores, where the pass rate is shown too">
              Mean score
            </th>
            <th scope="col" class="num">
              Not scored
            </th>
          </tr>
        </thead>
        <tbody>
          {aggregates.map((aggregate) => (
            <AggregateRow key={aggregate.evaluator.digest} aggregate={aggregate} isChosen={aggregate === chosen} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function AggregateRow({ aggregate, isChosen }: { aggregate: Aggregate; isChosen: boolean }) {
  const { estimate, unit } = headline(aggregate);
  const unscored = aggregate.not_evaluated + aggregate.failed;
  const { name, version } = aggregate.evaluator;
  return (
    <tr class={isChosen ? 'chosen' : ''}>
      <td>
        <button
          type="button"
          class="row-button"
          data-row
          aria-pressed={isChosen}
          onClick={() => setQuery({ evaluator: name, verdict: null }, true)}
        >
          {name} <span class="faint">v{version}</span>
        </button>
      </td>
      <td class="col-estimate">
        <EstimateView estimate={estimate} unit={unit} domain={domainOf([estimate], unit)} />
      </td>
      <td class="mid">{passedWords(aggregate)}</td>
      <td class="num mid">
        {aggregate.pass_rate ? <EstimateView estimate={aggregate.mean} unit={aggregate.unit} /> : '–'}
      </td>
      <td class="num">{unscored > 0 ? <span class="warn-text">{exact(unscored)}</span> : '0'}</td>
    </tr>
  );
}

/** The chosen evaluator in sentences: what was measured, how sure it is, what was not measured and why. */
function Words({ aggregate }: { aggregate: Aggregate }) {
  const { estimate } = headline(aggregate);
  const clusters = clusterWords(aggregate);
  return (
    <section class="block words">
      <div>
        <h2>What this says</h2>
        <p>
          {aggregate.evaluator.name}: {passedWords(aggregate)}
          {aggregate.threshold !== null && ` (threshold ${aggregate.threshold})`}. {intervalWords(aggregate)}
        </p>
        {clusters && <p>{clusters}</p>}
        {estimate && <p class="faint">Method: {methodWord(estimate.method)}.</p>}
      </div>
      {aggregate.pass_hat.length > 0 && <PassHat aggregate={aggregate} />}
      <NotScored aggregate={aggregate} />
    </section>
  );
}

function PassHat({ aggregate }: { aggregate: Aggregate }) {
  return (
    <div>
      <h2 title="pass^k: the chance that k trials of one case all pass">All of k trials pass</h2>
      <table class="plain-table" aria-label="Chance that k trials of one case all pass">
        <tbody>
          {aggregate.pass_hat.map(({ k, estimate }) => (
            <tr key={k}>
              <th scope="row">{k === 1 ? '1 trial' : `${k} trials`}</th>
              <td>
                <EstimateView estimate={estimate} unit="share" domain={{ low: 0, high: 1 }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NotScored({ aggregate }: { aggregate: Aggregate }) {
  if (aggregate.not_evaluated + aggregate.failed === 0) return null;
  return (
    <div>
      <h2>Not scored</h2>
      <p class="faint">Left out of the numbers, which is not the same as 0.</p>
      <ul class="reasons">
        {aggregate.not_evaluated > 0 && (
          <li>
            <Icon name="minus" /> {plural(aggregate.not_evaluated, 'trial')} not evaluated
          </li>
        )}
        {aggregate.failed > 0 && (
          <li class="bad-text">
            <Icon name="failed" /> {plural(aggregate.failed, 'trial')} where the evaluator itself failed
          </li>
        )}
        {aggregate.reasons.map(({ reason, count }) => (
          <li key={reason} class="reason">
            <span>{exact(count)} ×</span> <Ticked text={reason} />
          </li>
        ))}
      </ul>
    </div>
  );
}
