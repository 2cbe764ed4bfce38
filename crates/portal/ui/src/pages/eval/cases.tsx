import { usePages } from '../../api/pages';
import { withQuery } from '../../api/client';
import { useData } from '../../api/cache';
import type { Aggregate, CaseResult, CaseTrial, ExperimentSummary } from '../../api/eval';
import type { RunPage } from '../../api/shapes';
import { valueText } from '../../format/estimate';
import { query, setQuery } from '../../location';
import { runPath } from '../../router';
import { Icon, type IconName } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { Choice } from '../../ui/tabs';
import { byNeed, isOwnRun, trialWord, worstTrial, type TrialState } from './case-order';
import { Ticked } from '../../ui/ticked';

const PAGE_CASES = 100;
/** More trials of one case than fit beside each other are counted. */
const TRIALS_SHOWN = 8;

type Wanted = 'all' | 'fail' | 'pass';

export function Cases({
  path,
  evaluator,
  experiment,
}: {
  path: string;
  evaluator: Aggregate;
  experiment: ExperimentSummary;
}) {
  const { name } = evaluator.evaluator;
  const given = query.value.get('verdict');
  const wanted: Wanted = given === 'fail' || given === 'pass' ? given : 'all';
  const pages = usePages<CaseResult>(
    withQuery(`${path}/cases`, { evaluator: name, verdict: wanted === 'all' ? null : wanted, limit: PAGE_CASES }),
  );
  const cases = pages.items && byNeed(pages.items);
  // With a set they are its cases, also when none is shown.
  const areRuns = !experiment.set && (cases?.every(isOwnRun) ?? true);
  return (
    <section class="block cases">
      <h2>
        {areRuns ? 'Runs' : 'Cases'}
        <span class="spacer" />
        <Choice<Wanted>
          label={areRuns ? 'Which runs' : 'Which cases'}
          choices={[
            ['all', 'All'],
            ['fail', 'Failing'],
            ['pass', 'Passing'],
          ]}
          chosen={wanted}
          choose={(next) => setQuery({ verdict: next === 'all' ? null : next }, true)}
        />
      </h2>
      <Loaded resource={pages.first}>
        {() =>
          cases && cases.length > 0 ? (
            <>
              {areRuns ? (
                <Runs cases={cases} unit={evaluator.unit} experiment={experiment} />
              ) : (
                <Table cases={cases} unit={evaluator.unit} />
              )}
              <NextPage pages={pages} />
            </>
          ) : (
            <p class="calm">{wanted === 'fail' ? 'No case failed.' : 'No case.'}</p>
          )
        }
      </Loaded>
    </section>
  );
}

/** As many as the server lists at once. */
const TITLES_MAX = 500;

/** A run's title says more than its id. Of a run that is no more among the newest before the experiment the id is left. */
function Runs({ experiment, ...table }: { cases: CaseResult[]; unit: string | null; experiment: ExperimentSummary }) {
  const { agent, model, outcome, session, caller, q, from, source } = experiment.selector;
  const filter = {
    agent,
    model,
    outcome,
    session,
    caller,
    q,
    from,
    source,
    to: experiment.created_at,
    limit: TITLES_MAX,
  };
  const runs = useData<RunPage>(withQuery('/runs', filter)).data.value?.items ?? [];
  return <Table {...table} titles={new Map(runs.map(({ run_id: id, title }) => [id, title]))} />;
}

function Table({
  cases,
  unit,
  titles,
}: {
  cases: CaseResult[];
  unit: string | null;
  titles?: ReadonlyMap<string, string | null>;
}) {
  return (
    <table class="rows evals" aria-label={titles ? 'Runs' : 'Cases'}>
      <thead>
        <tr>
          <th scope="col" class="col-case">
            {titles ? 'Run' : 'Case'}
          </th>
          <th scope="col" class="num">
            Passed
          </th>
          <th scope="col" class="num mid">
            Mean
          </th>
          <th scope="col">Trials</th>
          <th scope="col" class="mid">
            Why
          </th>
        </tr>
      </thead>
      <tbody>
        {cases.map((one) => (
          <Row key={`${one.case}:${one.evaluator}`} result={one} unit={unit} name={titles?.get(one.case) || one.case} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ result, unit, name }: { result: CaseResult; unit: string | null; name: string }) {
  const worst = worstTrial(result.runs);
  return (
    <tr>
      <td class="col-case clip">
        {worst ? (
          <a href={runPath(worst.run_id)} data-row title={`Open the ${trialWord[stateOf(worst)].toLowerCase()} run`}>
            {name}
          </a>
        ) : (
          name
        )}
      </td>
      <td class="num">
        {result.passed === null ? (
          '–'
        ) : (
          <span class={result.passed < result.scored ? 'bad-text' : ''}>
            {result.passed} of {result.scored}
          </span>
        )}
      </td>
      <td class="num mid">{result.mean === null ? '–' : valueText(result.mean, unit)}</td>
      <td>
        <span class="trials">
          {result.runs.slice(0, TRIALS_SHOWN).map((trial, index) => (
            <Trial key={trial.run_id} trial={trial} number={index + 1} unit={unit} />
          ))}
          {result.runs.length > TRIALS_SHOWN && <span class="faint">+{result.runs.length - TRIALS_SHOWN}</span>}
        </span>
      </td>
      <td class="mid col-why" title={worst?.explanation ?? undefined}>
        <Ticked text={worst?.explanation ?? ''} />
      </td>
    </tr>
  );
}

const TRIAL_ICONS: Record<TrialState, IconName> = {
  pass: 'passed',
  fail: 'failed',
  scored: 'ended',
  not_evaluated: 'minus',
  failed: 'alert',
};

function stateOf(trial: CaseTrial): TrialState {
  if (trial.status !== 'scored') return trial.status === 'failed' ? 'failed' : 'not_evaluated';
  return trial.verdict === 'pass' ? 'pass' : trial.verdict === 'fail' ? 'fail' : 'scored';
}

function Trial({ trial, number, unit }: { trial: CaseTrial; number: number; unit: string | null }) {
  const state = stateOf(trial);
  const value = trial.value === null ? '' : `, ${valueText(trial.value, unit)}`;
  const label = `Trial ${number}: ${trialWord[state]}${value}`;
  return (
    <a
      class={`trial ${state}`}
      href={runPath(trial.run_id)}
      tabIndex={-1}
      aria-label={label}
      title={trial.explanation ? `${label}. ${trial.explanation}` : label}
    >
      <Icon name={TRIAL_ICONS[state]} />
      {number}
    </a>
  );
}
