import type { ComponentChildren } from 'preact';
import { useData } from '../../api/cache';
import type { AgentPart, ModelPart, RunFigures, TrendDay } from '../../api/catalog';
import { withQuery } from '../../api/client';
import type { Estimate, Page } from '../../api/eval';
import { BUDGETS, type Budget } from '../../api/gate';
import { intervalText, valueText, estimateSentence, sampleWords, type Unit } from '../../format/estimate';
import { exactInterval } from '../../format/interval';
import { cost, costReason, priceNote } from '../../format/money';
import { exact, percent, plural } from '../../format/number';
import { amount } from '../../format/permission';
import { duration } from '../../format/time';
import { entityPath } from '../../router';
import { Figure } from '../../ui/figure';
import { Sparkline } from '../../ui/sparkline';
import { countedWord, share } from '../budgets/words';
import { agentBudgets, type Standing } from './agent-budgets';
import { successBand } from './trend';

const NS_PER_MS = 1e6;
/** Success, errors, time, cost and budget of an agent: each number with what it rests on. */
export function AgentFigures({ agent, name, reference }: { agent: AgentPart; name: string; reference: string }) {
  const { runs } = agent;
  return (
    <section class="totals five" aria-label={runs ? `The last ${plural(runs.days, 'day')}` : 'The last days'}>
      {runs ? <RunFigureRow runs={runs} denied={agent.denied} reference={reference} /> : <NoRuns />}
      <BudgetFigure agent={name} figures={agent.budget} />
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
        title="Share of all runs, refused ones too, with its exact 95% interval (Clopper–Pearson); runs of one session count singly"
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
  if (from !== 'outcome') return `of ${sampleWords(success, 'scored run', 'session')}`;
  const silent = n - success.n;
  return `${sampleWords(success, 'run', 'session')} told${silent > 0 ? `; ${exact(silent)} did not` : ''}`;
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

/** As many as the server gives at once. */
const BUDGETS_READ = 500;

function BudgetFigure({ agent, figures }: { agent: string; figures: AgentPart['budget'] }) {
  const read = useData<Page<Budget>>(withQuery(BUDGETS, { limit: BUDGETS_READ }));
  const page = read.data.value;
  const { nearest, other, more } = agentBudgets(agent, figures, page?.items ?? []);
  const further = more > 0 && ` · ${plural(more, 'more limit')}`;
  if (nearest) return <NearestBudget nearest={nearest} further={further} />;
  if (other) {
    return (
      <Figure
        name="Budget"
        value={other.limits}
        note={
          <a href="/budgets" title={other.budget}>
            {other.per}
            {further}
          </a>
        }
      />
    );
  }
  if (!page || page.next_cursor) return <Figure name="Budget" value="–" note={<a href="/budgets">All budgets</a>} />;
  return <Figure name="Budget" value="none" note={<a href="/budgets?new=1">Set one</a>} bad />;
}

function NearestBudget({ nearest, further }: { nearest: Standing; further: string | false }) {
  const { budget, isEnforced, unit, limit, spent, left } = nearest;
  const used = share(spent, limit);
  const isFull = left <= 0;
  return (
    <Figure
      name={`Budget, ${nearest.window}`}
      value={
        <>
          {amount(spent, unit)}{' '}
          <span class="figure-interval">
            of {amount(limit, unit)}
            {countedWord(limit, unit)}
          </span>
        </>
      }
      note={
        <a href="/budgets" class="budget-note" title={`${budget}: ${percent(used, 0)} spent`}>
          <span class={isFull ? 'budget-bar full' : 'budget-bar'} aria-hidden="true">
            <i style={{ width: `${100 * used}%` }} />
          </span>
          <span>
            {isFull ? 'exhausted' : `${amount(left, unit)} left`}
            {isEnforced ? '' : ', observed'}
            {further}
          </span>
        </a>
      }
      bad={isFull}
    />
  );
}

export function ModelFigures({ model }: { model: ModelPart }) {
  return (
    <section class="totals five" aria-label="Calls">
      <Figure name="Calls" value={exact(model.calls)} note="seen so far" />
      <Figure name="Errors" {...estimated(model.error_rate, 'share')} note="of the calls" />
      <Figure name="p95 latency" value={ms(model.p95_duration_ms)} note={`${ms(model.p50_duration_ms)} median`} />
      <Figure name="Cost (est.)" value={cost(model)} note={priceNote(model)} />
    </section>
  );
}
