import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send } from '../../api/client';
import type {
  EvalSetSummary,
  EvaluatorView,
  MonitorSummary,
  NewMonitor as Asked,
  Page,
  UnitOfCount,
} from '../../api/eval';
import { exact } from '../../format/number';
import { navigate, query } from '../../location';
import { monitorPath } from '../../router';
import { useAct } from '../../ui/act';
import { CheckField, Field, Problem } from '../../ui/field';
import { Loaded } from '../../ui/loaded';
import { ForRole } from '../../ui/role';
import { PageHead } from '../../ui/page-head';
import { EvaluatorFields, choicesOf, type Chosen } from './evaluator-fields';
import { SelectorFields, selectedFrom, selectorOf } from './selector';
import { promiseWords } from './words';

const ALPHAS = [0.01, 0.05, 0.1];
const LENGTHS = [1_000, 10_000, 100_000];
const UNITS: [UnitOfCount, string][] = [
  ['run', 'Each run by itself'],
  ['case', 'Runs of one case together'],
  ['session', 'Runs of one session together'],
];

type Watch = Pick<MonitorSummary, 'alpha' | 'average_run_length' | 'unit_of_count' | 'baseline'>;

export function NewMonitor() {
  const evaluators = useData<Page<EvaluatorView>>('/evaluators');
  return (
    <>
      <PageHead title="New monitor" up={{ href: '/evaluations/monitors', name: 'Monitors' }} />
      <ForRole least="developer" what="Making a monitor">
        <Loaded resource={evaluators}>
          {({ items }) => <Form evaluators={items.filter((one) => one.on_server)} />}
        </Loaded>
      </ForRole>
    </>
  );
}

function Form({ evaluators }: { evaluators: EvaluatorView[] }) {
  const sets = useData<Page<EvalSetSummary>>('/eval-sets').data.value?.items ?? [];
  const [set, setSet] = useState('');
  const [selected, setSelected] = useState(selectedFrom(query.peek()));
  const [chosen, setChosen] = useState<Chosen>({});
  const [asked, setAsked] = useState<Watch>({
    alpha: 0.05,
    average_run_length: 10_000,
    unit_of_count: 'run',
    baseline: null,
  });
  const { problem, busy, act } = useAct();
  const [evaluator] = choicesOf(chosen);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!evaluator) return;
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const monitor: Asked = {
      ...asked,
      name: String(values.get('name')).trim(),
      evaluator,
      selector: selectorOf(selected, Date.now()),
      set: set || null,
      trials_per_case: asked.unit_of_count === 'case' ? Number(values.get('trials')) : null,
      include_past: values.has('past'),
    };
    void act(async () => {
      const made = await send<MonitorSummary>('POST', '/monitors', monitor);
      refresh((path) => path === '/monitors');
      navigate(monitorPath(made.id));
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Field label="Name">
        <input name="name" required autofocus maxLength={120} placeholder="helm-agent succeeds" />
      </Field>
      <SelectorFields value={selected} onChange={setSelected} />
      <Field label="Eval set" hint="Only for evaluators that compare with what was expected.">
        <select value={set} onChange={(event) => setSet(event.currentTarget.value)}>
          <option value="">No set</option>
          {sets.map(({ name, version }) => (
            <option key={name} value={name}>
              {name} v{version}
            </option>
          ))}
        </select>
      </Field>
      <EvaluatorFields evaluators={evaluators} chosen={chosen} setChosen={setChosen} hasSet={set !== ''} single />
      <AlarmFields asked={asked} change={(next) => setAsked({ ...asked, ...next })} />
      <CheckField name="past" label="Begin with runs already recorded" hint="Otherwise it starts with the next run." />
      <p class="promise" role="status">
        {promiseWords(asked)}
      </p>
      <Problem text={problem} />
      <div class="form-foot">
        <button type="submit" class="button primary" disabled={busy || !evaluator}>
          Start watching
        </button>
        <a class="button quiet" href="/evaluations/monitors">
          Cancel
        </a>
        {!evaluator && <span class="faint">Choose an evaluator.</span>}
      </div>
    </form>
  );
}

function AlarmFields({ asked, change }: { asked: Watch; change: (next: Partial<Watch>) => void }) {
  return (
    <fieldset class="fields">
      <legend>When to raise an alarm</legend>
      <Field label="Baseline" hint="An alarm says that the true value fell below this. Empty: only watch.">
        <input
          type="number"
          min={0}
          max={1}
          step="any"
          placeholder="0.90"
          onInput={({ currentTarget: { value } }) => change({ baseline: value.trim() === '' ? null : Number(value) })}
        />
      </Field>
      <Field label="False alarms" hint="On average, while nothing is wrong.">
        <select
          value={asked.average_run_length}
          onChange={(event) => change({ average_run_length: Number(event.currentTarget.value) })}
        >
          {LENGTHS.map((one) => (
            <option key={one} value={one}>
              One in {exact(one)}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Band" hint="How sure the band is, at every moment at once.">
        <select value={asked.alpha} onChange={(event) => change({ alpha: Number(event.currentTarget.value) })}>
          {ALPHAS.map((one) => (
            <option key={one} value={one}>
              {100 - 100 * one}%
            </option>
          ))}
        </select>
      </Field>
      <Field label="Count" hint="Runs that share a cause are no independent evidence.">
        <select
          value={asked.unit_of_count}
          onChange={(event) => change({ unit_of_count: event.currentTarget.value as UnitOfCount })}
        >
          {UNITS.map(([id, word]) => (
            <option key={id} value={id}>
              {word}
            </option>
          ))}
        </select>
      </Field>
      {asked.unit_of_count === 'case' && (
        <Field label="Trials of a case" hint="So many make one observation. It needs an eval set.">
          <input name="trials" type="number" min={1} step={1} required defaultValue="1" />
        </Field>
      )}
    </fieldset>
  );
}
