import { useMemo } from 'preact/hooks';
import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { Page } from '../../api/eval';
import { useWaiting } from '../../api/gate';
import type { DecisionItem, PolicyList } from '../../api/policies';
import { exact, plural } from '../../format/number';
import { Icon } from '../../ui/icon';
import { useLater } from '../../ui/later';

/** Refusals are counted up to here; more are `more than`. */
const COUNTED_MAX = 200;

/** What is enforced, observed, waiting and refused today, in one line. Its place is kept until it comes. */
export function PermissionLine() {
  return (
    <section class="permission-line" aria-label="Permission">
      {useLater() && <Told />}
    </section>
  );
}

function Told() {
  const midnight = useMemo(startOfDay, []);
  const boundaries = useData<PolicyList>('/boundaries').data.value;
  const waiting = useWaiting().data.value?.items.length;
  const today = { since: midnight, effect: 'deny', limit: COUNTED_MAX };
  const denied = useData<Page<DecisionItem>>(withQuery('/decisions', { ...today, enforced: 'true' })).data.value;
  const would = useData<Page<DecisionItem>>(withQuery('/decisions', { ...today, enforced: 'false' })).data.value;
  if (!boundaries || waiting === undefined || !denied || !would) return null;
  const enforced = boundaries.items.filter(({ mode }) => mode === 'enforce').length;
  return (
    <>
      <a href="/boundaries">
        <Icon name="lock" /> {plural(enforced, 'boundary', 'boundaries')} enforced
      </a>
      <a href="/boundaries">
        <Icon name="eye" /> {exact(boundaries.items.length - enforced)} observed
      </a>
      <a href="/approvals" class={waiting > 0 ? 'asks' : ''}>
        <Icon name="clock" /> {waiting > 0 ? `${plural(waiting, 'call')} for you to answer` : 'none waiting'}
      </a>
      <a href="/decisions?effect=deny&enforced=true&since=24h">
        <Icon name="failed" /> {counted(denied)} denied today
      </a>
      <a href="/decisions?effect=deny&enforced=false&since=24h">
        <Icon name="eye" /> {counted(would)} would have been denied
      </a>
      {boundaries.folder?.stale && (
        <a href="/boundaries" class="alarm-link">
          <Icon name="alert" /> The policy folder does not hold
        </a>
      )}
    </>
  );
}

const counted = ({ items, next_cursor: more }: Page<DecisionItem>): string =>
  more ? `more than ${exact(items.length)}` : exact(items.length);

function startOfDay(): string {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  return day.toISOString();
}
