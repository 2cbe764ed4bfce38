import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { Page } from '../../api/eval';
import type { DecisionItem } from '../../api/policies';
import type { RunSummary } from '../../api/shapes';
import { failureWords, refusal } from '../../format/refusal';
import { approvalPath, decisionPath } from '../../router';
import { Icon } from '../../ui/icon';
import { Ticked } from '../../ui/ticked';

/** Why the run failed. What a decision kept from going on is said in the decision's own words, with the way to it. */
export function RunFailure({ summary }: { summary: RunSummary }) {
  const kept = refusal(summary);
  if (kept) return <Refused summary={summary} kept={kept} />;
  return (
    <p class="run-error">
      <Icon name="failed" /> {summary.error_message}
    </p>
  );
}

/** Of the run's decisions that did not let their call go on, the newest speaks. */
function Refused({ summary, kept }: { summary: RunSummary; kept: 'refused' | 'held' }) {
  const path = withQuery('/decisions', {
    run: summary.run_id,
    enforced: 'true',
    effect: kept === 'held' ? 'needs_approval' : null,
    limit: 20,
  });
  const decisions = useData<Page<DecisionItem>>(path).data.value?.items ?? [];
  const decision = decisions.find(
    ({ effect, code }) => effect !== 'allow' && (kept === 'held' || code === summary.error_message),
  );
  return (
    <p class={kept === 'held' ? 'run-error held' : 'run-error'}>
      <Icon name={kept === 'held' ? 'clock' : 'lock'} />
      <span>
        {decision ? <Ticked text={decision.reason} /> : failureWords(summary)}
        {decision && (
          <>
            {' '}
            <a href={decisionPath(decision.id)}>The decision</a>
          </>
        )}
        {decision?.approval && (
          <>
            {' · '}
            <a href={approvalPath(decision.approval)}>The held call</a>
          </>
        )}
      </span>
    </p>
  );
}
