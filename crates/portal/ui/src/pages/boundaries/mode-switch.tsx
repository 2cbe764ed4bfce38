import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send, withQuery } from '../../api/client';
import type { Page } from '../../api/eval';
import type { DecisionItem, Mode, PolicyDetail } from '../../api/policies';
import { plural } from '../../format/number';
import { modeReason, modeWord } from '../../format/permission';
import { decisionPath } from '../../router';
import { Dialog } from '../../shell/dialog';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Field, Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { RoleButton } from '../../ui/role';
import { ImpactView } from './impact';
import { withMode } from './text';

const OBSERVED_MAX = 200;

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
      {next === 'enforce' && <Observed agents={detail.agents} />}
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

/** Calls that went on only because the boundary is observed: the first thing that enforcing would stop. */
function Observed({ agents }: { agents: string[] }) {
  const agent = agents.length === 1 && !agents[0]?.includes('*') ? agents[0] : null;
  const path = withQuery('/decisions', { agent, enforced: 'false', effect: 'deny', limit: OBSERVED_MAX });
  const page = useData<Page<DecisionItem>>(path).data.value;
  if (!page) return null;
  const [first] = page.items;
  return (
    <p class="impact-words">
      <Icon name={first ? 'alert' : 'passed'} />
      <span>
        {first ? (
          <>
            {page.next_cursor ? `More than ${OBSERVED_MAX} calls` : plural(page.items.length, 'call')} went on that this
            would have refused. The last: <a href={decisionPath(first.id)}>{first.resource}</a>, {first.reason}
          </>
        ) : (
          'No recorded call was one that would have been refused.'
        )}
      </span>
    </p>
  );
}
