import { expect, test } from 'vitest';
import type { Approval } from '../src/api/gate';
import { failureWords, refusal, refusedBy } from '../src/format/refusal';
import { byTimeLeft } from '../src/pages/approvals/order';

const run = (code: string | null, sources: ('gateway' | 'sdk')[] = ['gateway']) => ({
  outcome: 'error' as const,
  error_message: code,
  sources,
});

test('what Mizzen kept from going on is told apart from what failed', () => {
  expect([refusal(run('evidence_missing')), failureWords(run('evidence_missing'))]).toEqual([
    'refused',
    'refused: evidence is missing',
  ]);
  expect([refusal(run('approval_pending')), failureWords(run('approval_pending'))]).toEqual([
    'held',
    'held for a person to approve',
  ]);
  expect([refusal(run('tool_error')), failureWords(run('tool_error'))]).toEqual([null, 'tool_error']);
  expect(refusal(run('stopped', ['sdk']))).toBeNull();
});

test('a refused step names its decision, and only where Mizzen itself refused', () => {
  const message = 'nothing permits `tool:shop/refund` (decision `dec_AZ-x_1`)';
  expect(refusedBy(message, 'gateway')).toEqual({ why: 'nothing permits `tool:shop/refund`', decision: 'dec_AZ-x_1' });
  expect(refusedBy(message, 'sdk')).toEqual({ why: message, decision: null });
  expect(refusedBy('timed out', 'gateway')).toEqual({ why: 'timed out', decision: null });
});

test('the held call that expires first is on top', () => {
  const at = (id: string, expires_at: string) => ({ id, expires_at }) as Approval;
  const sorted = byTimeLeft([at('late', '2026-11-26T08:26:03Z'), at('soon', '2026-11-26T08:25:03Z')]);
  expect(sorted.map(({ id }) => id)).toEqual(['soon', 'late']);
});
