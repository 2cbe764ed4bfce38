import type { Approval } from '../../api/gate';
import { summary } from '../../format/json';
import { Ago } from '../../ui/ago';
import { Caller } from '../../ui/caller';
import { ApprovalStatus, ResourceName, Touched } from '../../ui/permission';
import { Revealed } from '../../ui/revealed';
import { TimeLeft } from './time-left';

/** j and k move the focus through the rows, and the focused row is the chosen one. */
interface Choosing {
  items: Approval[];
  chosen: string | null;
  choose: (id: string) => void;
}

export function WaitingTable({ items, chosen, choose }: Choosing) {
  return (
    <table class="rows approvals" aria-label="Held calls">
      <thead>
        <tr>
          <th scope="col">Call</th>
          <th scope="col" class="mid">
            Agent
          </th>
          <th scope="col" class="widest">
            Touched
          </th>
          <th scope="col" class="num col-left">
            Time left
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id} class={one.id === chosen ? 'chosen' : ''}>
            <td class="col-call">
              <RowButton approval={one} isChosen={one.id === chosen} choose={choose} />
            </td>
            <td class="mid clip">
              <Caller agent={one.agent} reference={one.caller} />
            </td>
            <td class="widest">
              <Touched taint={one.taint} />
            </td>
            <td class="num col-left">
              <TimeLeft until={one.expires_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function PastTable({ items, chosen, choose }: Choosing) {
  return (
    <table class="rows approvals" aria-label="Past approvals">
      <thead>
        <tr>
          <th scope="col" class="col-answer">
            Answer
          </th>
          <th scope="col">Call</th>
          <th scope="col" class="mid">
            By
          </th>
          <th scope="col" class="widest">
            Why
          </th>
          <th scope="col" class="num mid">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id} class={one.id === chosen ? 'chosen' : ''}>
            <td class="col-answer">
              <ApprovalStatus state={one.state} />
            </td>
            <td class="col-call">
              <RowButton approval={one} isChosen={one.id === chosen} choose={choose} />
            </td>
            <td class="mid clip">{one.decided_by ?? '–'}</td>
            <td class="widest clip" title={one.decision_reason ?? ''}>
              {one.decision_reason ?? <span class="faint">no reason given</span>}
            </td>
            <td class="num mid">
              <Ago at={one.decided_at ?? one.expires_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RowButton({
  approval,
  isChosen,
  choose,
}: {
  approval: Approval;
  isChosen: boolean;
  choose: (id: string) => void;
}) {
  const shown = approval.arguments_shown === 'whole' ? summary(approval.arguments, 80) : '';
  return (
    <button
      type="button"
      class="row-button call-button"
      data-row
      aria-pressed={isChosen}
      onFocus={() => choose(approval.id)}
      onClick={() => choose(approval.id)}
    >
      <ResourceName resource={approval.resource} />
      <span class="faint call-arguments">
        <Revealed text={shown || approval.reason} />
      </span>
      <span class="faint only-narrow">
        <Caller agent={approval.agent} reference={approval.caller} />
      </span>
    </button>
  );
}
