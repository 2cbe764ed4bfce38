import { useData } from '../../api/cache';
import type { Approval, ApprovalDetail, Before } from '../../api/gate';
import { instant } from '../../format/time';
import { decisionPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Loaded } from '../../ui/loaded';
import { EffectStatus, ResourceName } from '../../ui/permission';

/** What was decided about the run before it came to the held call: what answers by terminal and webhook are told too. */
export function History({ approval }: { approval: Approval }) {
  const detail = useData<ApprovalDetail>(`/approvals/${encodeURIComponent(approval.id)}`);
  return (
    <section class="decided-before">
      <h3 id="before">{approval.run_id ? 'Decided before in this run' : 'Decided before for this key'}</h3>
      <Loaded resource={detail} rows={4}>
        {({ history }) =>
          history.length === 0 ? (
            <p class="faint">Nothing: this was the first.</p>
          ) : (
            <table class="rows" aria-labelledby="before">
              <thead class="hidden">
                <tr>
                  <th scope="col">Effect</th>
                  <th scope="col">What for</th>
                  <th scope="col">When</th>
                </tr>
              </thead>
              <tbody>
                {history.map((one) => (
                  <Row key={one.decision_id} before={one} />
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </section>
  );
}

function Row({ before }: { before: Before }) {
  return (
    <tr title={before.reason}>
      <td>
        <EffectStatus effect={before.effect} enforced={before.enforced} />
      </td>
      <td class="what">
        <a href={decisionPath(before.decision_id)}>
          <ResourceName resource={before.resource} />
        </a>
        <span class="faint">{before.action}</span>
      </td>
      <td class="num" title={instant(before.at)}>
        <Ago at={before.at} />
      </td>
    </tr>
  );
}
