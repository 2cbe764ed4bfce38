import { useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { ApiError, send } from '../../api/client';
import { entityApi, isCatalog, type VersionState } from '../../api/catalog';
import { may, type Role } from '../../api/session';
import { actionsOf, actionWord, isClosed, type VersionAction } from '../../format/catalog';
import { announcement } from '../../shell/overlays';
import { Icon, type IconName } from '../../ui/icon';
import { needsWords, RoleButton } from '../../ui/role';
import { WhyForm } from '../../ui/why-form';

const actionIcon: Record<VersionAction, IconName> = {
  submit: 'up',
  approve: 'check',
  reject: 'cross',
  deprecate: 'down',
  retire: 'stop',
};
const leastRole: Record<VersionAction, Role> = {
  submit: 'developer',
  approve: 'approver',
  reject: 'approver',
  deprecate: 'approver',
  retire: 'approver',
};
const DONE: Record<VersionAction, string> = {
  submit: 'submitted',
  approve: 'approved',
  reject: 'rejected',
  deprecate: 'deprecated',
  retire: 'retired',
};
/** Whoever was turned down must learn why. */
const NEEDS_REASON: VersionAction[] = ['reject'];

/** What is decided upon: one content under one name. */
interface Decided {
  ref: string;
  tag: string;
  digest: string;
  state: VersionState;
}

/**
 * What may be done with a version; each asks for a reason before anything is sent. The digest on screen goes with it:
 * when the tag means another content by then, or somebody else has decided, the server refuses and says who did.
 */
export function Decide({
  version,
  refused = null,
  asked,
  ask,
  done,
  hasKeys = false,
}: {
  version: Decided;
  /** The page listens for `a` and `r`. */
  hasKeys?: boolean;
  /** Why this person may not approve it, whatever the role. */
  refused?: string | null;
  asked: VersionAction | null;
  ask: (action: VersionAction | null) => void;
  done: () => void;
}) {
  const actions = actionsOf(version.state);
  if (asked !== null && actions.includes(asked) && may(leastRole[asked]) && !isClosed(asked, refused)) {
    return <ReasonForm version={version} action={asked} cancel={() => ask(null)} done={done} />;
  }
  if (actions.length === 0) return null;
  return (
    <div class="answer">
      {actions.map((action) => (
        <RoleButton
          key={action}
          least={leastRole[action]}
          class={`button ${action === 'approve' ? 'primary' : action === 'reject' ? 'danger' : ''}`}
          disabled={isClosed(action, refused)}
          {...(refused !== null && isClosed(action, refused) ? { title: refused } : {})}
          onClick={() => ask(action)}
        >
          <Icon name={actionIcon[action]} /> {actionWord[action]} {hasKeys && KEYS[action] && <kbd>{KEYS[action]}</kbd>}
        </RoleButton>
      ))}
      {refused !== null && (
        <p class="calm for-role">
          <Icon name="lock" /> {refused}
        </p>
      )}
      {refused === null && !may('approver') && version.state === 'pending' && (
        <p class="calm for-role">
          <Icon name="lock" /> Reviewing a version: {needsWords('approver')}
        </p>
      )}
    </div>
  );
}

const KEYS: Partial<Record<VersionAction, string>> = { approve: 'a', reject: 'r' };

function ReasonForm({
  version,
  action,
  cancel,
  done,
}: {
  version: Decided;
  action: VersionAction;
  cancel: () => void;
  done: () => void;
}) {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const isNeeded = NEEDS_REASON.includes(action);
  const give = async (text: string): Promise<void> => {
    setBusy(true);
    try {
      await send('POST', entityApi(version.ref, `/versions/${encodeURIComponent(version.tag)}/${action}`), {
        digest: version.digest,
        reason: text || null,
      });
      announcement.value = `${version.ref} ${version.tag} ${DONE[action]}`;
      refresh(isCatalog);
      done();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message);
      // Somebody else was first: what is shown is no longer so.
      if (error.status === 409) refresh(isCatalog);
    } finally {
      setBusy(false);
    }
  };
  const kept = isNeeded ? 'kept with the version' : 'optional, kept with the version';
  return (
    <WhyForm
      key={action}
      ask={`Why ${actionWord[action].toLowerCase()}? (${kept})`}
      required={isNeeded}
      submit={`${actionWord[action]} ${version.tag}`}
      tone={action === 'approve' ? 'primary' : 'danger'}
      keep="Leave it as it is"
      problem={problem}
      busy={busy}
      give={(text) => void give(text)}
      cancel={cancel}
    />
  );
}
