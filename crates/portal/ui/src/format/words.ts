import type { Outcome, Source, StepKind, Usage } from '../api/shapes';
import { exact, short } from './number';

/** The words of the vocabulary, as the portal says them. */

export const outcomeWord: Record<Outcome, string> = { ok: 'OK', error: 'Error', unset: 'Unset' };

export const kindWord: Record<StepKind, string> = {
  model_call: 'Model call',
  tool_call: 'Tool call',
  agent_call: 'Agent',
  retrieval: 'Retrieval',
  guardrail: 'Guardrail',
  human: 'Human',
  group: 'Group',
};

export const sourceReason: Record<Source, string> = {
  gateway: 'Seen by the Mizzen gateway itself',
  kernel: 'Seen by the kernel',
  sdk: 'Reported by the agent itself',
};

export function totalTokens(usage: Usage | null | undefined): number {
  return usage ? usage.input_tokens + usage.output_tokens : 0;
}

/** The same in a table's width: `1.2k in · 96 out`. */
export function shortUsage(usage: Usage): string {
  return `${short(usage.input_tokens)} in · ${short(usage.output_tokens)} out`;
}

/** `1,204 in (800 cached) · 96 out (40 reasoning)`; cached and reasoning tokens are parts, not extras. */
export function usageSentence(usage: Usage): string {
  const read = usage.cache_read_tokens > 0 ? ` (${exact(usage.cache_read_tokens)} cached)` : '';
  const written = usage.cache_write_tokens > 0 ? ` (${exact(usage.cache_write_tokens)} written to cache)` : '';
  const reasoning = usage.reasoning_tokens > 0 ? ` (${exact(usage.reasoning_tokens)} reasoning)` : '';
  return `${exact(usage.input_tokens)} in${read}${written} · ${exact(usage.output_tokens)} out${reasoning}`;
}
