import type { RunSummary, Source } from '../api/shapes';

/** What Mizzen itself kept from going on, by the stable code that a run ends with. */

const REFUSED: Record<string, string> = {
  policy_denied: 'not permitted',
  evidence_missing: 'evidence is missing',
  definition_changed: 'the tool is not what was pinned',
  budget_exhausted: 'the budget is used up',
  rate_limited: 'too many calls',
  paused: 'the agent is paused',
  approval_denied: 'a person said no',
  approval_expired: 'nobody answered in time',
  permission_unavailable: 'it could not be decided',
  stopped: 'the agent was stopped',
  secret_found: 'a secret was found',
  guardrail_denied: 'a guardrail said no',
  guardrail_failed: 'a guardrail gave no answer',
};

const HELD = 'approval_pending';

/** `refused` was not permitted, `held` waits for a person; null for what failed by itself. */
export function refusal({
  outcome,
  error_message: code,
  sources,
}: Pick<RunSummary, 'outcome' | 'error_message' | 'sources'>): 'refused' | 'held' | null {
  if (outcome !== 'error' || !code || !sources?.includes('gateway')) return null;
  if (code === HELD) return 'held';
  return code in REFUSED ? 'refused' : null;
}

/** Why a run failed, the codes of Mizzen as words. */
export function failureWords(run: Pick<RunSummary, 'outcome' | 'error_message' | 'sources'>): string {
  const code = run.error_message ?? '';
  switch (refusal(run)) {
    case 'held':
      return 'held for a person to approve';
    case 'refused':
      return `refused: ${REFUSED[code]}`;
    default:
      return code;
  }
}

const BY_DECISION = / \(decision `(dec_[\w-]+)`\)$/;

/** What the span of a refused call says, and the decision that it names at its end. Only Mizzen's own doors refuse. */
export function refusedBy(message: string, source: Source): { why: string; decision: string | null } {
  const [named, decision] = (source === 'gateway' && BY_DECISION.exec(message)) || [];
  if (!named || !decision) return { why: message, decision: null };
  return { why: message.slice(0, -named.length), decision };
}
