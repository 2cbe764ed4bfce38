import { useEffect } from 'preact/hooks';
import { useFollow } from '../ui/follow';
import { refresh, useData, type Resource } from './cache';
import type { Page } from './eval';
import { onNews } from './live';
import type { Effect, Mode, Taint } from './policies';
import type { components } from './schema';
import type { Narrow, Told } from './shapes';

/** Shapes of held calls, budgets and pauses, and what every page shows of them. */

export type ApprovalState = 'waiting' | 'approved' | 'denied' | 'expired' | 'used' | 'stopped';

export interface Approval {
  id: string;
  state: ApprovalState;
  agent: string | null;
  team: string | null;
  caller: string;
  run_id: string | null;
  session: string | null;
  action: string;
  resource: string;
  server: string | null;
  tool: string | null;
  arguments: unknown;
  /** `cut`: the beginning of them, as text. `hidden`: the role or the content policy forbids to show them. */
  arguments_shown: 'whole' | 'cut' | 'hidden' | 'none';
  arguments_digest: string | null;
  taint: Taint;
  policies: string[];
  reason: string;
  decision_id: string | null;
  created_at: string;
  expires_at: string;
  decided_at: string | null;
  decided_by: string | null;
  decision_reason: string | null;
}

/** A decision from before a call was held. */
export type Before = Narrow<Told<components['schemas']['Before']>, { effect: Effect }>;

export interface ApprovalDetail extends Approval {
  /** Newest first, at most ten. */
  history: Before[];
}

export type BudgetUnit = 'cost_usd' | 'tokens' | 'calls' | 'seconds';
export type BudgetWindow = 'hour' | 'day' | 'week' | 'whole' | 'seconds';
type BudgetPer = 'everyone' | 'agent' | 'team' | 'session' | 'run';
export type Limits = Record<BudgetUnit, number | null>;

export interface AccountLimit {
  unit: BudgetUnit;
  limit: number;
  spent: number;
  /** Handed out to calls in flight. */
  reserved: number;
  left: number;
}

export interface Account {
  subject: string | null;
  starts_at: string | null;
  resets_at: string | null;
  exhausted: boolean;
  limits: AccountLimit[];
}

export interface NewBudget {
  /** Patterns of whose calls count; null for all. */
  agent: string | null;
  team: string | null;
  per: BudgetPer;
  mode: Mode;
  window: BudgetWindow;
  window_seconds: number | null;
  limits: Limits;
}

export interface Budget extends NewBudget {
  name: string;
  origin: 'set' | 'boundary';
  set_by: string | null;
  set_at: string | null;
  /** The fullest first. */
  accounts: Account[];
  accounts_more: number;
}

export interface Scope {
  kind: 'agent' | 'team' | 'all';
  name: string | null;
}

export interface Pause {
  id: string;
  scope: Scope;
  kind: 'pause' | 'stop';
  reason: string;
  by: string;
  at: string;
}

export const BUDGETS = '/budgets';
const WAITING = '/approvals?state=waiting';
export const PAUSES = '/pauses';
/** Where the stream of events is broken, what waits is still read now and then. */
const FOLLOW_MS = 15_000;

export const isApprovals = (path: string): boolean => path.startsWith('/approvals');

/** Held calls that wait, as they change. */
export function useWaiting(): Resource<Page<Approval>> {
  const waiting = useData<Page<Approval>>(WAITING);
  useFollow(waiting.reload, FOLLOW_MS);
  useEffect(
    () =>
      onNews((news) => {
        if (news.has('approval')) refresh(isApprovals);
      }),
    [],
  );
  return waiting;
}

export function usePauses(): Resource<Page<Pause>> {
  const pauses = useData<Page<Pause>>(PAUSES);
  useEffect(
    () =>
      onNews((news) => {
        if (news.has('pause')) refresh((path) => path === PAUSES);
      }),
    [],
  );
  return pauses;
}
