import { useEffect, useRef, useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { ApiError, send } from '../../api/client';
import type { EvalSetSummary, EvaluatorView, ExperimentSummary, NewExperiment as Asked, Page } from '../../api/eval';
import { plural } from '../../format/number';
import { navigate, query } from '../../location';
import { experimentPath } from '../../router';
import { CheckField, Field, Problem } from '../../ui/field';
import { Loaded } from '../../ui/loaded';
import { ForRole } from '../../ui/role';
import { PageHead } from '../../ui/page-head';
import { EvaluatorFields, choicesOf, type Chosen } from './evaluator-fields';
import { SelectorFields, selectedFrom, selectorOf } from './selector';

/** Starts an experiment. The address may choose for the form: `?new=1&set=helm&agent=helm-agent`. */
export function NewExperiment() {
  const evaluators = useData<Page<EvaluatorView>>('/evaluators');
  return (
    <>
      <PageHead title="New experiment" up={{ href: '/evaluations', name: 'Evaluations' }} />
      <ForRole least="developer" what="Starting an experiment">
        <Loaded resource={evaluators}>
          {({ items }) => <Form evaluators={items.filter((one) => one.on_server)} />}
        </Loaded>
      </ForRole>
    </>
  );
}

/** Sends what was asked and goes to the experiment, or keeps why it was refused. */
function useStart(): { problem: ApiError | null; busy: boolean; start: (asked: Asked) => Promise<void> } {
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const start = async (asked: Asked): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const made = await send<ExperimentSummary>('POST', '/experiments', asked);
      refresh((path) => path.startsWith('/experiments'));
      navigate(experimentPath(made.id));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
      setBusy(false);
    }
  };
  return { problem, busy, start };
}

function Form({ evaluators }: { evaluators: EvaluatorView[] }) {
  const [set, setSet] = useState(query.peek().get('set') ?? '');
  const [selected, setSelected] = useState(selectedFrom(query.peek()));
  const [chosen, setChosen] = useState<Chosen>({});
  const { problem, busy, start } = useStart();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLInputElement>('[name=name]')?.focus(), []);
  const submit = (split: boolean): void => {
    if (!form.current) return;
    const values = new FormData(form.current);
    void start({
      name: String(values.get('name')).trim(),
      set: set || null,
      runs: selectorOf(selected, Date.now()),
      evaluators: choicesOf(chosen),
      split_versions: split || values.has('split'),
      count_sdk_evidence: values.has('sdk'),
      publish_evidence: values.has('evidence'),
    });
  };
  const count = Object.keys(chosen).length;
  return (
    <form
      class="form"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        submit(false);
      }}
    >
      <Field label="Name" hint="As it will stand in the list.">
        <input name="name" required maxLength={120} placeholder="helm v2 against golden" />
      </Field>
      <SetField value={set} set={setSet} />
      <SelectorFields value={selected} onChange={setSelected} />
      <EvaluatorFields evaluators={evaluators} chosen={chosen} setChosen={setChosen} hasSet={set !== ''} />
      <Options />
      <Problem text={problem?.message ?? ''} />
      <div class="form-foot">
        <button type="submit" class="button primary" disabled={busy || count === 0}>
          Start
        </button>
        {problem?.code === 'mixed_versions' && (
          <button type="button" class="button" disabled={busy} onClick={() => submit(true)}>
            One experiment for each version
          </button>
        )}
        <a class="button quiet" href="/evaluations">
          Cancel
        </a>
        {count === 0 && <span class="faint">Choose at least one evaluator.</span>}
      </div>
    </form>
  );
}

function SetField({ value, set }: { value: string; set: (name: string) => void }) {
  const sets = useData<Page<EvalSetSummary>>('/eval-sets').data.value?.items ?? [];
  const known = value === '' || sets.some(({ name }) => name === value);
  return (
    <Field
      label="Eval set"
      hint={
        sets.length > 0 ? (
          'What each case expects. Without a set, evaluators that only count still work.'
        ) : (
          <>
            There is none yet: <a href="/evaluations/sets">add a file or mark runs as golden</a>.
          </>
        )
      }
    >
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="">No set</option>
        {!known && <option value={value}>{value}</option>}
        {sets.map(({ name, version, cases }) => (
          <option key={name} value={name}>
            {name} v{version} ({plural(cases, 'case')})
          </option>
        ))}
      </select>
    </Field>
  );
}

function Options() {
  return (
    <details class="more-options">
      <summary>Versions and evidence</summary>
      <CheckField
        name="evidence"
        checked
        label="Publish evidence"
        hint="The bounds become evidence about the agent's digest, which policy can ask for. Each look at a lineage spends its α."
      />
      <CheckField
        name="sdk"
        label="Count steps that only the agent reported"
        hint="By default they are no evidence: an agent should not vouch for itself."
      />
      <CheckField
        name="split"
        label="One experiment for each version"
        hint="Runs of several agent digests are never pooled; without this they are refused."
      />
    </details>
  );
}
