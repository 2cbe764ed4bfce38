import type { TextProblem } from './client';

/** Shapes of boundaries, policies and decisions. */

export type Mode = 'observe' | 'enforce';
export type Effect = 'allow' | 'deny' | 'needs_approval';

export interface Taint {
  private_data: boolean;
  untrusted_content: boolean;
  outside_reached: boolean;
}

export interface PolicyFolder {
  path: string;
  stale: boolean;
  since: string | null;
  problems: TextProblem[];
}

export interface PolicyItem {
  name: string;
  kind: 'boundary' | 'policy';
  origin: 'stored' | 'folder';
  file: string | null;
  digest: string;
  version: number | null;
  /** Cannot be read any more: whom it is about, or else everybody, is refused everything. */
  closed?: boolean;
  mode: Mode | null;
  agents: string[];
  teams: string[];
  description: string | null;
  changed_by: string | null;
  changed_at: string | null;
  reason: string | null;
}

export interface PolicyList {
  policy_set: string;
  /** The mode of agents that no boundary names. */
  unnamed: Mode;
  folder: PolicyFolder | null;
  /** Why what is stored is not in force on this node. */
  problems: TextProblem[];
  items: PolicyItem[];
}

export interface PolicyVersion {
  version: number;
  digest: string | null;
  state: 'current' | 'replaced' | 'deleted';
  changed_by: string | null;
  changed_at: string | null;
  reason: string | null;
  text: string | null;
}

export interface PolicyDetail extends PolicyItem {
  text: string;
  cedar: string;
  history: PolicyVersion[];
}

export interface PolicyPut {
  result: 'created' | 'updated' | 'unchanged';
  name: string;
  digest: string;
  version: number;
  policy_set: string;
}

export interface PolicyFile {
  name: string;
  text: string;
}

export interface PolicyCheck {
  valid: boolean;
  problems: TextProblem[];
  policy_set: string | null;
  objects: { kind: string; name: string; digest: string; cedar: string }[];
}

/** An effect, and whether it kept the call from going on. */
export interface Standing {
  effect: Effect;
  enforced: boolean;
}

export interface ImpactGroup {
  agent: string | null;
  action: string;
  resource: string;
  was: Standing;
  would_be: Standing;
  count: number;
  example: {
    decision_id: string;
    at: string;
    run_id: string | null;
    reason_then: string;
    /** Why it would be decided otherwise. */
    reason: string;
    policies: string[];
  };
}

export interface Impact {
  since: string;
  as_enforced: string[];
  examined: number;
  replayed: number;
  not_replayed: number;
  not_replayed_reasons: Record<string, number>;
  changed: number;
  /** Decisions that the set in force makes otherwise than they were made: not what is asked about changes them. */
  already_different: number;
  groups: ImpactGroup[];
  groups_more: number;
  truncated: boolean;
}

export interface DecisionItem {
  id: string;
  at: string;
  run_id: string | null;
  trace_id: string | null;
  agent: string | null;
  caller: string;
  agent_digest: string | null;
  action: string;
  resource: string;
  tool: string | null;
  server: string | null;
  effect: Effect;
  mode: Mode;
  /** False where the call went on although the effect is not `allow`. */
  enforced: boolean;
  code: string | null;
  /** The held call. */
  approval: string | null;
  policies: string[];
  policy_set: string;
  reason: string;
}

export interface DecisionDetail extends DecisionItem {
  arguments: unknown;
  arguments_kept: 'whole' | 'redacted' | 'hash' | 'none' | 'hidden';
  arguments_hash: string | null;
  tool_digest: string | null;
  taint: Taint | null;
  evidence: { metric: string; lower: number; clusters: number; as_of: string }[];
  touches: Taint;
  /** Why the question cannot be asked again. */
  not_replayed: string | null;
  now: { effect: Effect; mode: Mode; reason: string; policies: string[]; policy_set: string } | null;
  /** Text null: no longer in force. */
  sources: { name: string; text: string | null }[];
}
