import { useWaiting, type Approval } from '../../api/gate';
import { summary } from '../../format/json';
import { callerName } from '../../format/name';
import { left, splitResource } from '../../format/permission';
import { approvalPath } from '../../router';
import { Icon } from '../../ui/icon';
import { now } from '../../ui/now';
import { Revealed } from '../../ui/revealed';
import { byTimeLeft } from '../approvals/order';

/** Held calls that wait for a person, the one that expires first on top. */
export function useHeld(): Approval[] {
  return byTimeLeft(useWaiting().data.value?.items ?? []);
}

/** One held call in the list of what needs somebody now. */
export function Held({ call }: { call: Approval }) {
  const given = call.arguments_shown === 'whole' ? summary(call.arguments, 80) : '';
  return (
    <li>
      <a href={approvalPath(call.id)} class="asks" data-row>
        <Icon name="clock" />
        <span class="attention-what">
          <b>
            Waits for approval: <Revealed text={splitResource(call.resource).name} />
          </b>
          <span>
            <Revealed text={[call.agent ?? callerName(call.caller), given].filter(Boolean).join(' · ')} />
          </span>
        </span>
        <time dateTime={call.expires_at}>{left(call.expires_at, now.value) ?? 'over'}</time>
      </a>
    </li>
  );
}
