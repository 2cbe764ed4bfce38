import { useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { send } from '../../api/client';
import type { Mode, PolicyDetail } from '../../api/policies';
import { modeReason, modeWord } from '../../format/permission';
import { Dialog } from '../../shell/dialog';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Field, Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { RoleButton } from '../../ui/role';
import { ImpactView } from './impact';
import { withMode } from './text';

/** Observing and enforcing are one step apart, and the impact is shown before it is taken. */
export function ModeSwitch({
  detail,
  mode,
  path,
  done,
}: {
  detail: PolicyDetail;
  mode: Mode;
  path: string;
  done: () => Promise<void>;
}) {
  const [asking, setAsking] = useState(false);
  const next: Mode = mode === 'enforce' ? 'observe' : 'enforce';
  const close = (): void => setAsking(false);
  return (
    <>
      <RoleButton least="administrator" class="button small" onClick={() => setAsking(true)}>
        <Icon name={next === 'enforce' ? 'lock' : 'eye'} /> {modeWord[next]} …
      </RoleButton>
      {asking && (
        <Dialog label={`${modeWord[next]} ${detail.name}`} close={close} class="wide-dialog">
          <Asking detail={detail} next={next} path={path} close={close} done={done} />
        </Dialog>
      )}
    </>
  );
}

function Asking({
  detail,
  next,
  path,
  close,
  done,
}: {
  detail: PolicyDetail;
  next: Mode;
  path: string;
  close: () => void;
  done: () => Promise<void>;
}) {
  const { problem, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get('reason')).trim();
    void act(async () => {
      await send('PUT', `${path}/mode`, { mode: next, ...(reason ? { reason } : {}) });
      announcement.value = `${detail.name}: ${modeWord[next]}`;
      refresh((read) => read === '/boundaries');
      close();
      await done();
    });
  };
  const file = { name: `${detail.name}.yaml`, text: withMode(detail.text, next) };
  return (
    <form class="dialog-body" onSubmit={submit}>
      <h2>
        {modeWord[next]} “{detail.name}”
      </h2>
      <p class="faint">{modeReason[next]}.</p>
      <ImpactView file={file} />
      <Field label="Why" hint="Kept with the version and in the audit log.">
        <input
          name="reason"
          maxLength={200}
          autofocus
          placeholder={next === 'enforce' ? 'a week without surprises' : 'too many refusals'}
        />
      </Field>
      <Problem text={problem} />
      <div class="form-foot">
        <button type="submit" class={next === 'enforce' ? 'button primary' : 'button danger'} disabled={busy}>
          {modeWord[next]} now
        </button>
        <button type="button" class="button quiet" onClick={close}>
          Leave it
        </button>
      </div>
    </form>
  );
}
