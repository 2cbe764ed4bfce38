import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import type { PlanView } from '../../api/eval';
import { methodWord } from '../../format/estimate';
import { exact, percent, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { useAct } from '../../ui/act';
import { Field, Problem } from '../../ui/field';
import { Choice } from '../../ui/tabs';
import { EvalHead } from './head';

type Claim = PlanView['claim'];
const CLAIMS: [Claim, string][] = [
  ['at_least', 'At least'],
  ['not_worse', 'Not worse than'],
];

/** How many cases and trials a claim needs, before anybody pays for them. The address holds what was asked. */
export default function PlanPage() {
  const claim: Claim = query.value.get('claim') === 'not_worse' ? 'not_worse' : 'at_least';
  const [plan, setPlan] = useState<PlanView | null>(null);
  const { problem, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const read = (name: string): number => Number(values.get(name));
    const share = (name: string): number => read(name) / 100;
    const common = {
      assumed: share('assumed'),
      confidence: share('confidence'),
      power: share('power'),
      trials_per_case: read('trials'),
      icc: read('icc'),
      experiment: null,
    };
    const asked =
      claim === 'at_least'
        ? { claim, target: share('target'), ...common }
        : { claim, margin: share('margin'), baseline: share('baseline'), baseline_name: null, ...common };
    setQuery(Object.fromEntries([...values].map(([name, value]) => [name, String(value)])));
    void act(async () => setPlan(await send<PlanView>('POST', '/plan', asked)));
  };
  return (
    <>
      <EvalHead title="Plan">
        <span class="count">how many cases and trials does a claim need?</span>
      </EvalHead>
      <form class="form" onSubmit={submit} key={claim}>
        <div class="field">
          <Choice label="Claim" choices={CLAIMS} chosen={claim} choose={(next) => setQuery({ claim: next })} />
        </div>
        <Numbers claim={claim} />
        <Problem text={problem} />
        <div class="form-foot">
          <button type="submit" class="button primary" disabled={busy}>
            Work it out
          </button>
        </div>
      </form>
      {plan && <Answer plan={plan} />}
    </>
  );
}

function Numbers({ claim }: { claim: Claim }) {
  const number = (name: string, standard: number, max: number, min = 0) => (
    <input
      name={name}
      type="number"
      required
      min={min}
      max={max}
      step="any"
      defaultValue={query.peek().get(name) ?? standard}
    />
  );
  return (
    <>
      <fieldset class="fields">
        <legend>The claim</legend>
        {claim === 'at_least' ? (
          <Field label="Succeeds at least, %">{number('target', 95, 100)}</Field>
        ) : (
          <>
            <Field label="Baseline, %">{number('baseline', 94, 100)}</Field>
            <Field label="Margin, points">{number('margin', 2, 100)}</Field>
          </>
        )}
        <Field label="With confidence, %">{number('confidence', 95, 99.99)}</Field>
      </fieldset>
      <fieldset class="fields">
        <legend>What is assumed</legend>
        <Field label="True rate, %" hint="The nearer to the claim, the more is needed.">
          {number('assumed', claim === 'at_least' ? 98 : 94, 100)}
        </Field>
        <Field label="Power, %" hint="The chance to succeed in showing it.">
          {number('power', 80, 99.99)}
        </Field>
        <Field label="Trials a case">{number('trials', 1, 1000, 1)}</Field>
        <Field label="Likeness of trials" hint="Intra-class correlation, 0 to 1: an experiment says it.">
          {number('icc', 0, 1)}
        </Field>
      </fieldset>
    </>
  );
}

function Answer({ plan }: { plan: PlanView }) {
  return (
    <section class="block plan" role="status">
      <h2>
        {plural(plan.cases, 'case')}, {plural(plan.trials, 'trial')}
      </h2>
      <p class="metric-sentence">{plan.sentence}</p>
      <p class="calm">
        Power {percent(plan.power)}; {methodWord(plan.method)}
        {plan.design_effect > 1.05 && `; trials of one case count ${plan.design_effect.toFixed(1)} times less`}
        {plan.minimum_trials !== null && `; ${plural(plan.minimum_trials, 'trial')} would do if every one passed`}.
      </p>
      {plan.curve.length > 0 && (
        <table class="rows evals" aria-label="Other ways to spend the trials">
          <thead>
            <tr>
              <th scope="col" class="num">
                Trials a case
              </th>
              <th scope="col" class="num">
                Cases
              </th>
              <th scope="col" class="num">
                Trials in all
              </th>
            </tr>
          </thead>
          <tbody>
            {plan.curve.map((point) => (
              <tr key={point.trials_per_case} class={point.trials_per_case === plan.trials_per_case ? 'chosen' : ''}>
                <td class="num">{exact(point.trials_per_case)}</td>
                <td class="num">{exact(point.cases)}</td>
                <td class="num">{exact(point.trials)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
