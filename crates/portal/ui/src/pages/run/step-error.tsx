import type { Source } from '../../api/shapes';
import { refusedBy } from '../../format/refusal';
import { decisionPath } from '../../router';

/** Why a step failed. What was refused leads to its decision. */
export function StepError({ message, source }: { message: string; source: Source }) {
  const { why, decision } = refusedBy(message, source);
  return (
    <p class="error-text">
      {why}
      {decision && (
        <>
          {' '}
          <a href={decisionPath(decision)}>Decision {decision}</a>
        </>
      )}
    </p>
  );
}
