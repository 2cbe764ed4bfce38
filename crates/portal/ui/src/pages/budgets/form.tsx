import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import { BUDGETS, type Budget, type BudgetWindow } from '../../api/gate';
import { unitWord } from '../../format/permission';
import { setQuery } from '../../location';
import { useAct } from '../../ui/act';
import { Field, Problem } from '../../ui/field';
import { ForRole } from '../../ui/role';
import { budgetOf, UNITS } from './words';

const WINDOWS: [BudgetWindow, string][] = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['week', 'Week'],
  ['whole', 'No end'],
  ['seconds', 'Seconds …'],
];
const PER: [Budget['per'], string][] = [
  ['everyone', 'All of them together'],
  ['agent', 'Each agent'],
  ['team', 'Each team'],
  ['session', 'Each session'],
  ['run', 'Each run'],
];
const STEP = { cost_usd: 'any', tokens: '1', calls: '1', seconds: 'any' } as const;

/** Sets a new budget or changes `known`. */
export function BudgetForm({ known, done }: { known: Budget | null; done: () => Promise<void> }) {
  const [window, setWindow] = useState<BudgetWindow>(known?.window ?? 'day');
  const [told, setTold] = useState('');
  const { problem, busy, act } = useAct();
  const close = (): void => setQuery({ new: null, edit: null });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const read = (name: string): string => String(values.get(name) ?? '').trim();
    const budget = budgetOf(read);
    if ('problem' in budget) return setTold(budget.problem);
    setTold('');
    const name = known?.name ?? read('name');
    void act(async () => {
      await send('PUT', `${BUDGETS}/${encodeURIComponent(name)}`, budget);
      await done();
      close();
    });
  };
  return (
    <ForRole least="administrator" what="Setting a budget">
      <form class="form framed" onSubmit={submit} aria-label={known ? `Change ${known.name}` : 'New budget'}>
        <div class="fields">
          {!known && (
            <Field label="Name">
              <input name="name" required autofocus maxLength={63} placeholder="helm-day" />
            </Field>
          )}
          <Field label="Agent" hint="A name or a pattern; empty: all.">
            <input name="agent" defaultValue={known?.agent ?? ''} placeholder="helm-*" />
          </Field>
          <Field label="Team" hint="Of the key; empty: all.">
            <input name="team" defaultValue={known?.team ?? ''} />
          </Field>
          <Field label="For">
            <select name="per" defaultValue={known?.per ?? 'agent'}>
              {PER.map(([id, word]) => (
                <option key={id} value={id}>
                  {word}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Window">
            <select
              name="window"
              value={window}
              onChange={(event) => setWindow(event.currentTarget.value as BudgetWindow)}
            >
              {WINDOWS.map(([id, word]) => (
                <option key={id} value={id}>
                  {word}
                </option>
              ))}
            </select>
          </Field>
          {window === 'seconds' && (
            <Field label="Seconds">
              <input
                name="window_seconds"
                type="number"
                min={1}
                step={1}
                required
                defaultValue={String(known?.window_seconds ?? 900)}
              />
            </Field>
          )}
          <Field label="When it is used up">
            <select name="mode" defaultValue={known?.mode ?? 'enforce'}>
              <option value="enforce">Refuse calls</option>
              <option value="observe">Only count</option>
            </select>
          </Field>
        </div>
        <fieldset class="fields">
          <legend>Limits</legend>
          {UNITS.map((unit) => (
            <Field
              key={unit}
              label={
                unit === 'cost_usd'
                  ? `${unitWord[unit]}, US dollars`
                  : unit === 'seconds'
                    ? `${unitWord[unit]}, seconds`
                    : unitWord[unit]
              }
            >
              <input
                name={unit}
                type="number"
                min={0}
                step={STEP[unit]}
                defaultValue={known?.limits[unit]?.toString() ?? ''}
              />
            </Field>
          ))}
        </fieldset>
        <Problem text={told || problem} />
        <div class="form-foot">
          <button type="submit" class="button primary" disabled={busy}>
            {known ? 'Change it' : 'Set it'}
          </button>
          <button type="button" class="button quiet" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </ForRole>
  );
}
