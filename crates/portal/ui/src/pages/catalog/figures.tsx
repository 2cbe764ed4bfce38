import type { ComponentChildren } from 'preact';
import type { AgentPart, ModelPart, RunFigures, TrendDay } from '../../api/catalog';
import type { Estimate } from '../../api/eval';
import { intervalText, valueText, estimateSentence, sampleWords, type Unit } from '../../format/estimate';
import { exactInterval } from '../../format/interval';
import { cost, costReason, dollars } from '../../format/money';
import { exact, percent, plural } from '../../format/number';
import { duration } from '../../format/time';
import { entityPath } from '../../router';
import { Figure } from '../../ui/figure';
import { Sparkline } from '../../ui/sparkline';
import { successBand } from './trend';

const NS_PER_MS = 1e6;
/** Success, errors, time, cost and budget of an agent: each number with what it rests on. */
export function AgentFigures({ agent, reference }: { agent: AgentPart; reference: string }) {
  const { runs } = agent;
  return (
    <section class="totals five" aria-label={runs ? `The last ${plural(runs.days, 'day')}` : 'The last days'}>
      {runs ? <RunFigureRow runs={runs} denied={agent.denied} reference={reference} /> : <NoRuns />}
      <BudgetFigure budget={agent.budget} />
    </section>
  );
}

function RunFigureRow({ runs, denied, reference }: { runs: RunFigures; denied: number; reference: string }) {
  const errors = runs.trend.reduce((sum, day) => sum + day.errors, 0);
  const { low, high } = exactInterval(errors, runs.n);
  return (
    <>
      <Figure
        name={runs.success_from === 'outcome' ? 'Success' : `Success (${runs.success_from})`}
        {...estimated(runs.success, 'share')}
        note={<Success runs={runs} />}
      />
      <Figure
        name="Failed"
        value={
          <>
            {percent(errors / runs.n)}{' '}
            <span class="figure-interval">
              ({(100 * low).toFixed(1)}–{(100 * high).toFixed(1)})
            </span>
          </>
        }
        title="Share of all runs, refused ones too, with its exact 95% interval (Clopper–Pearson)"
        note={
          <>
            <a href={entityPath(reference, 'runs')}>
              {exact(errors)} of {exact(runs.n)} in {exact(runs.days)} d
            </a>
            {denied > 0 && (
              <span title={`${plural(denied, 'call')} refused by a decision: the runs of these count as failed`}>
                {' '}
                · {exact(denied)} refused
              </span>
            )}
          </>
        }
        bad={low > 0.05}
      />
      <Figure
        name="p95 latency"
        value={ms(runs.p95_duration_ms)}
        note={`${ms(runs.p50_duration_ms)} median`}
        title="Of the runs that were measured"
      />
      <Figure
        name="Cost per run (est.)"
        {...estimated(runs.cost_per_run_usd, 'usd', runs.unpriced_calls > 0)}
        note={costNote(runs)}
      />
    </>
  );
}

function Success({ runs }: { runs: RunFigures }) {
  const { trend } = runs;
  return (
    <span class="success-note">
      {successBand(trend).at.length > 1 && <Sparkline points={trend.map(sparkPoint)} />}
      <span title={successReason(runs)}>{successWords(runs)}</span>
    </span>
  );
}

/** Most runs end without a word of how: what the share is of is said with it. */
function successWords({ n, success, success_from: from }: RunFigures): string {
  if (!success) return 'nothing said how runs went';
  if (from !== 'outcome') return `of ${plural(success.n, 'scored run')}`;
  const silent = n - success.n;
  return `${plural(success.n, 'run')} told${silent > 0 ? `; ${exact(silent)} did not` : ''}`;
}

function successReason({ n, success, success_from: from }: RunFigures): string {
  if (!success || from !== 'outcome') return '';
  return `Of the ${plural(success.n, 'run')} that said how they ended; ${exact(n - success.n)} of ${exact(n)} ended without a word`;
}

const THIN_RUNS = 5;
const sparkPoint = ({ ok, errors }: TrendDay) =>
  ok + errors === 0 ? null : { value: ok / (ok + errors), isThin: ok + errors < THIN_RUNS };

function costNote(runs: RunFigures): ComponentChildren {
  const each = { cost_usd: runs.cost_per_success_usd, unpriced_calls: runs.unpriced_calls };
  return (
    <span title={costReason(runs)}>
      {cost(runs)} in all{each.cost_usd !== null && ` · ${cost(each)} per success`}
    </span>
  );
}

/** The value large, its interval beside it; the whole statement as a title. A lower bound says so. */
function estimated(
  estimate: Estimate | null,
  unit: Unit,
  isLeast = false,
): { value: ComponentChildren; title?: string } {
  if (!estimate) return { value: '–' };
  return {
    value: (
      <>
        {isLeast && '≥ '}
        {valueText(estimate.value, unit)} <span class="figure-interval">{intervalText(estimate, unit)}</span>
      </>
    ),
    title: `${estimateSentence(estimate, unit)} (${sampleWords(estimate, 'run', 'session')})`,
  };
}

const ms = (value: number | null): string => (value === null ? '–' : duration(value * NS_PER_MS));

function NoRuns() {
  return <Figure name="Runs" value="none" note="in the last 30 days" />;
}

function BudgetFigure({ budget }: { budget: AgentPart['budget'] }) {
  if (!budget) {
    return <Figure name="Budget" value="none" note={<a href="/budgets?new=1">Set one</a>} bad />;
  }
  const share = budget.limit_usd > 0 ? Math.min(1, budget.spent_usd / budget.limit_usd) : 1;
  const isFull = budget.left_usd <= 0;
  return (
    <Figure
      name={`Budget, ${windowWord(budget.window)}`}
      value={
        <>
          {dollars(budget.spent_usd)} <span class="figure-interval">of {dollars(budget.limit_usd)}</span>
        </>
      }
      note={
        <a href="/budgets" class="budget-note" title={`${budget.name}: ${percent(share, 0)} spent`}>
          <span class={isFull ? 'budget-bar full' : 'budget-bar'} aria-hidden="true">
            <i style={{ width: `${100 * share}%` }} />
          </span>
          <span>
            {isFull ? 'exhausted' : `${dollars(budget.left_usd)} left`}
            {budget.mode === 'enforce' ? '' : ', observed'}
          </span>
        </a>
      }
      bad={isFull}
    />
  );
}

const WINDOWS: Record<string, string> = { hour: 'an hour', day: 'a day', week: 'a week', whole: 'in all' };
const windowWord = (window: string): string => WINDOWS[window] ?? window;

export function ModelFigures({ model }: { model: ModelPart }) {
  return (
    <section class="totals five" aria-label="Calls">
      <Figure name="Calls" value={exact(model.calls)} note="seen so far" />
      <Figure name="Errors" {...estimated(model.error_rate, 'share')} note="of the calls" />
      <Figure name="p95 latency" value={ms(model.p95_duration_ms)} note={`${ms(model.p50_duration_ms)} median`} />
      <Figure
        name="Cost (est.)"
        value={cost(model)}
        note={model.unpriced_calls > 0 ? `${exact(model.unpriced_calls)} calls unpriced` : 'list prices'}
      />
    </section>
  );
}
