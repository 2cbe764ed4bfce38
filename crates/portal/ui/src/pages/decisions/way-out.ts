import type { DecisionDetail } from '../../api/policies';

/** What a person can do about a refusal, by its stable code. The reason itself comes from the server. */

const WAYS: Record<string, string> = {
  policy_denied:
    'If it is meant to be allowed, name it in the boundary of this agent. A `forbid` wins over every permit.',
  evidence_missing: 'Evaluate this very digest: a finished experiment or a monitor publishes the evidence.',
  definition_changed:
    'The definition of the tool is not the approved one: compare and pin it on the page of tool servers.',
  budget_exhausted: 'Wait until the budget resets, or raise it on the page of budgets.',
  rate_limited: 'Let the agent ask less often, or raise the rate in its boundary.',
  paused: 'Somebody paused this agent: resume it on the page of budgets and pauses.',
  approval_denied: 'A human said no. The reason stands with the answer in past approvals.',
  approval_expired: 'Nobody answered in time. Let the agent ask again; approvals shows what waits.',
  permission_unavailable:
    'It could not be decided or recorded, and then nothing is allowed. The log of the server says why.',
};

export function wayOut({ effect, code }: Pick<DecisionDetail, 'effect' | 'code'>): string | null {
  if (effect === 'allow' || code === null) return null;
  return WAYS[code] ?? null;
}
