import type { Effect, Mode } from './policies';

/** Shapes of the audit log. Absent fields are left out. */

export interface AuditEntry {
  v: number;
  at: string;
  kind: string;
  who?: {
    reference: string;
    key_id?: string | null;
    role?: string | null;
    session?: string | null;
    agent_digest?: string | null;
  };
  run?: string;
  trace?: string;
  action?: string;
  resource?: string;
  effect?: Effect;
  mode?: Mode;
  decision?: string;
  policies?: string[];
  policy_set?: string;
  reason?: string;
  arguments?: string;
  withheld?: string[];
  code?: string;
  count?: number;
  details?: Record<string, unknown>;
}

export interface AuditItem {
  index: number;
  entry: AuditEntry;
}

interface AuditProof {
  index: number;
  size: number;
  leaf_hash: string;
  path: string[];
  root: string;
  /** The signed note. */
  checkpoint: string;
  verified: boolean;
}

export interface AuditDetail {
  index: number;
  /** Null when retention removed the content, or a newer Mizzen wrote it. */
  entry: AuditEntry | null;
  /** Retention removed the content; its hash stays in the tree. */
  pruned: boolean;
  /** Exactly what was logged. */
  text: string | null;
  leaf_hash: string;
  proof: AuditProof;
}

interface AuditWitness {
  name: string;
  url: string;
  cosigned_size: number | null;
  cosigned_at: string | null;
  error: string | null;
}

export interface AuditCheckpoint {
  origin: string;
  size: number;
  root: string;
  note: string;
  witnesses: AuditWitness[];
  log: {
    state: 'works' | 'fails';
    message: string | null;
    /** Entries on disk, also those that the checkpoint does not cover yet. */
    durable_size: number;
    pruned_below: number;
  };
}

export interface AuditKey {
  origin: string;
  /** `origin+1a2b3c4d+base64`, a verifier key of C2SP's signed-note. */
  key: string;
}
