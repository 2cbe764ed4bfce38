import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { may } from '../../api/session';
import { send } from '../../api/client';
import type { EvalSetSummary, Page } from '../../api/eval';
import type { RunSummary } from '../../api/shapes';
import { plural } from '../../format/number';
import { evalSetPath } from '../../router';
import { Dialog } from '../../shell/dialog';
import { useAct } from '../../ui/act';
import { Field, Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';

/** Makes what this run did what is expected of later ones. */
export function MarkAsGolden({ run }: { run: RunSummary }) {
  const [isOpen, setOpen] = useState(false);
  if (!may('developer')) return null;
  return (
    <>
      <button
        type="button"
        class="button small"
        title={run.is_final ? 'Add this run to an eval set' : 'Only a run that has ended can be golden'}
        disabled={!run.is_final}
        onClick={() => setOpen(true)}
      >
        <Icon name="star" /> <span class="wide-word">Mark as golden</span>
      </button>
      {isOpen && (
        <Dialog label="Mark as golden" close={() => setOpen(false)} class="small-dialog">
          <GoldenForm run={run} close={() => setOpen(false)} />
        </Dialog>
      )}
    </>
  );
}

function GoldenForm({ run, close }: { run: RunSummary; close: () => void }) {
  const sets = useData<Page<EvalSetSummary>>('/eval-sets').data.value?.items ?? [];
  const { problem, busy, act } = useAct();
  const [made, setMade] = useState<EvalSetSummary | null>(null);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const name = String(values.get('set')).trim();
    const id = String(values.get('case')).trim();
    void act(async () => {
      const set = await send<EvalSetSummary>('POST', `/eval-sets/${encodeURIComponent(name)}/cases`, {
        run_id: run.run_id,
        case: id || null,
      });
      refresh((path) => path.startsWith('/eval-sets'));
      setMade(set);
    });
  };
  if (made) {
    return (
      <div class="dialog-body" role="status">
        <h2>Added</h2>
        <p>
          <a href={evalSetPath(made.name)}>{made.name}</a> is now version {made.version} with{' '}
          {plural(made.cases, 'case')}.
        </p>
        <div class="form-foot">
          <button type="button" class="button primary" autofocus onClick={close}>
            Done
          </button>
        </div>
      </div>
    );
  }
  return (
    <form class="dialog-body" onSubmit={submit}>
      <h2>Mark as golden</h2>
      <p class="faint">
        Its calls of tools and its answer become what is expected of later runs of the same case. Look first whether
        they are right.
      </p>
      <Field label="Eval set" hint="A new name makes a new set; otherwise a new version of it.">
        <input
          name="set"
          required
          autofocus
          autocomplete="off"
          maxLength={63}
          list="known-sets"
          placeholder={sets[0]?.name ?? 'support'}
        />
        <datalist id="known-sets">
          {sets.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </Field>
      <Field label="Case" hint="Left empty, it is called as the run.">
        <input name="case" autocomplete="off" maxLength={120} placeholder="optional" />
      </Field>
      <Problem text={problem} />
      <div class="form-foot">
        <button type="submit" class="button primary" disabled={busy}>
          Add to the set
        </button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
