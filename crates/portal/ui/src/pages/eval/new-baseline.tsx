import { useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { send } from '../../api/client';
import type { BaselineView } from '../../api/eval';
import { shareWithWilson } from '../../format/interval';
import { navigate } from '../../location';
import { baselinePath } from '../../router';
import { useAct } from '../../ui/act';
import { Ticked } from '../../ui/ticked';
import { Field, Problem } from '../../ui/field';
import { ForRole } from '../../ui/role';
import { PageHead } from '../../ui/page-head';
import { countsOf, type Typed } from './baseline-form';

const NOTHING: Typed = {
  metric: 'success',
  n: '',
  successes: '',
  safetyEvents: '',
  costPerCase: '',
  minutesPerCase: '',
};

export function NewBaseline() {
  const [name, setName] = useState('');
  const [typed, setTyped] = useState<Typed>(NOTHING);
  const [wrong, setWrong] = useState('');
  const { problem, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const counts = countsOf(typed);
    if ('problem' in counts) return setWrong(counts.problem);
    setWrong('');
    void act(async () => {
      const made = await send<BaselineView>('PUT', `/baselines/${encodeURIComponent(name.trim())}`, counts);
      refresh((path) => path.startsWith('/baselines'));
      navigate(baselinePath(made.name));
    });
  };
  const [n, successes] = [Number(typed.n), Number(typed.successes)];
  return (
    <>
      <PageHead title="Record a baseline" up={{ href: '/evaluations/baselines', name: 'Baselines' }} />
      <ForRole least="developer" what="Recording a baseline">
        <form class="form" onSubmit={submit}>
          <Field label="Name" hint="The process as it runs today; recording the same name again replaces it.">
            <input
              required
              autofocus
              maxLength={63}
              placeholder="support desk"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </Field>
          <Field
            label="Metric"
            hint="What success means; the agent's labels or evaluator of that name are compared with it."
          >
            <input
              maxLength={63}
              value={typed.metric}
              onInput={(event) => setTyped({ ...typed, metric: event.currentTarget.value })}
            />
          </Field>
          <CountFields typed={typed} setTyped={setTyped} />
          <p class="promise" role="status">
            <Ticked
              text={
                n > 0 && successes >= 0 && successes <= n && typed.successes !== ''
                  ? `Success ${shareWithWilson(successes, n)}: that is how well the process itself is known.`
                  : 'Counts are enough. Cases with their labels compare more sharply: record those with `mizzen baseline`.'
              }
            />
          </p>
          <Problem text={wrong || problem} />
          <div class="form-foot">
            <button type="submit" class="button primary" disabled={busy}>
              Record
            </button>
            <a class="button quiet" href="/evaluations/baselines">
              Cancel
            </a>
          </div>
        </form>
      </ForRole>
    </>
  );
}

function CountFields({ typed, setTyped }: { typed: Typed; setTyped: (next: Typed) => void }) {
  const counted = (field: keyof Typed, placeholder: string, required = false) => (
    <input
      type="number"
      min={0}
      step="any"
      required={required}
      placeholder={placeholder}
      value={typed[field]}
      onInput={(event) => setTyped({ ...typed, [field]: event.currentTarget.value })}
    />
  );
  return (
    <fieldset class="fields">
      <legend>What was counted</legend>
      <Field label="Cases">{counted('n', '1000', true)}</Field>
      <Field label="Went well">{counted('successes', '941', true)}</Field>
      <Field label="Safety events" hint="Empty if nobody counted: unknown is not none.">
        {counted('safetyEvents', 'unknown')}
      </Field>
      <Field label="Cost of a case, $">{counted('costPerCase', 'unknown')}</Field>
      <Field label="Minutes of a case">{counted('minutesPerCase', 'unknown')}</Field>
    </fieldset>
  );
}
