import { splitReference } from '../router';
import { useData, type Resource } from './cache';
import type { TextProblem } from './client';
import type { Estimate, Page } from './eval';

/** Shapes and addresses of the catalog. */

export type VersionState = 'draft' | 'pending' | 'approved' | 'rejected' | 'deprecated' | 'retired';
export type Origin = 'declared' | 'discovered';
export type Level = 'known' | 'controlled' | 'proven' | 'trusted';
export type CheckState = 'pass' | 'fail' | 'no_evidence';
export type Provenance = 'declared' | 'observed' | 'both';

export interface VersionHead {
  tag: string;
  digest: string;
  state: VersionState;
}

export interface CatalogItem {
  ref: string;
  /** What people call it: `agent`, `tool_server`, …, else the kind. */
  class: string;
  kind: string;
  /** The title, or else the name. */
  title: string;
  type: string | null;
  owner: string | null;
  lifecycle: string | null;
  system: string | null;
  description: string | null;
  tags: string[];
  origin: Origin;
  version: Pick<VersionHead, 'tag' | 'state'> | null;
  /** How many levels are reached; null where no scorecard was computed. */
  level: number | null;
  last_seen: string | null;
  /** Ingestion errors and dangling references of it. */
  problems: number;
  updated_at: string;
}

export interface CatalogPageOf<T> {
  items: T[];
  total: number;
  next_cursor: string | null;
  previous_cursor: string | null;
}

export interface FacetValue {
  value: string;
  count: number;
}

export interface Facets {
  total: number;
  facets: Record<string, FacetValue[]>;
  more?: Record<string, number>;
}

export interface SearchHit {
  ref: string;
  class: string;
  title: string;
  kind: string;
  type: string | null;
  snippet: string;
  place: 'entity' | 'documentation';
  path: string | null;
}

export interface NextCheck {
  id: string;
  level: Level;
  title: string;
  state: CheckState;
  fix: string;
}

export interface LevelCounts {
  none: number;
  known: number;
  controlled: number;
  proven: number;
  trusted: number;
}

export interface UsedModel {
  name: string;
  /** Null: no boundary names the agent. */
  granted: boolean | null;
  used: boolean;
}

export type UsedTool = UsedModel;

export interface TrendDay {
  day: string;
  runs: number;
  ok: number;
  errors: number;
  cost_usd: number | null;
}

export interface RunFigures {
  n: number;
  days: number;
  newest_only: boolean;
  success: Estimate | null;
  success_from: string;
  error_rate: Estimate | null;
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
  cost_per_run_usd: Estimate | null;
  cost_per_success_usd: number | null;
  cost_usd: number | null;
  unpriced_calls: number;
  trend: TrendDay[];
}

export interface AgentPart {
  autonomy: number | null;
  risk_tier: string | null;
  runbook: string | null;
  running: { digest: string; tag: string | null; state: VersionState | null; digests_seen: number } | null;
  models: UsedModel[];
  tools: UsedTool[];
  tools_granted: number | null;
  tools_used: number;
  tools_unused: number | null;
  runs: RunFigures | null;
  budget: {
    name: string;
    mode: string;
    window: string;
    limit_usd: number;
    spent_usd: number;
    left_usd: number;
    ends_at: string | null;
  } | null;
  boundary: { name: string; mode: string } | null;
  paused: { kind: 'pause' | 'stop'; reach: string; by: string; at: string; reason: string | null } | null;
  denied: number;
  held: number;
  monitors: number;
  alarms: number;
}

export interface ModelPart {
  provider: string | null;
  calls: number;
  error_rate: Estimate | null;
  p50_duration_ms: number | null;
  p95_duration_ms: number | null;
  cost_usd: number | null;
  unpriced_calls: number;
  price: { input: number; output: number; as_of: string } | null;
  agents: string[];
}

export interface ToolServerPart {
  state: string | null;
  fault: string | null;
  tools: number;
  withheld: number;
  changed: number;
  agents: string[];
}

export interface ToolPart {
  server: string;
  digest: string | null;
  pinned: boolean;
  changed: boolean;
  read_only: boolean;
  withheld: string | null;
  /** The server offers it no more. */
  gone: boolean;
  last_seen_at: string | null;
  agents: string[];
}

export interface OwnedItem {
  ref: string;
  title: string;
  kind: string;
  level: Level | null;
}

export interface TeamPart {
  owned: Record<string, number>;
  agents: number;
  levels: LevelCounts;
  level: Level | null;
  /** Of its agents in 30 days. */
  cost_usd: number | null;
  members: number;
  /** There are more than are listed and counted. */
  truncated: boolean;
  items: OwnedItem[];
}

export interface Summary {
  ref: string;
  title: string;
  kind: string;
  origin: Origin;
  purpose: string | null;
  lifecycle: string | null;
  owner: { ref: string; title: string | null; exists: boolean } | null;
  on_call: string | null;
  version: VersionHead | null;
  last_seen_at: string | null;
  score: {
    level: Level | null;
    passed: number;
    failed: number;
    no_evidence: number;
    exempt: number;
    computed_at: string | null;
    next: NextCheck | null;
  } | null;
  agent: AgentPart | null;
  model: ModelPart | null;
  tool_server: ToolServerPart | null;
  tool: ToolPart | null;
  team: TeamPart | null;
}

export interface Fact {
  name: string;
  says: string;
  value: boolean | number | string | string[] | null;
  source: string;
  as_of: string | null;
}

export interface Check {
  id: string;
  level: Level;
  title: string;
  state: CheckState;
  /** False: its condition does not hold here, so it counts for nothing. */
  applies: boolean;
  own: boolean;
  when: string | null;
  expr: string;
  why: string;
  fix: string;
  reason: string;
  facts: Fact[];
  missing: string[];
  since: string | null;
  exemption: { owner: string; reason: string; until: string } | null;
}

export interface Scorecard {
  ref: string;
  has_scorecard: boolean;
  level: Level | null;
  computed_at: string | null;
  passed: number;
  failed: number;
  no_evidence: number;
  exempt: number;
  not_applicable: number;
  next: NextCheck | null;
  levels: { level: Level; passed: number; of: number; reached: boolean }[];
  checks: Check[];
  history: { at: string; level: Level | null; passed: number; failed: number; no_evidence: number }[];
  problems: string[];
}

/** A relation as Backstage lists it at the entity it starts from. */
export interface CatalogRelation {
  type: string;
  target_ref: string;
  /** Whether the catalog has the target. */
  exists: boolean;
}

export interface StatusItem {
  level: 'info' | 'warning' | 'error';
  type: string;
  message: string;
}

/** The envelope that all entities share; what a kind adds is in `spec`. */
export interface Envelope {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    title?: string;
    description?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    tags?: string[];
    links?: { url: string; title?: string; icon?: string; type?: string }[];
  };
  spec?: Record<string, unknown>;
}

export interface EntityDetail {
  ref: string;
  /** What people call it: `agent`, `tool_server`, …, else the kind. */
  class: string;
  uid: string;
  etag: string;
  origin: Origin;
  entity: Envelope;
  /** What can be applied again. */
  yaml: string;
  version: VersionHead | null;
  relations: CatalogRelation[];
  status_items: StatusItem[];
  /** What in the document means nothing, with the nearest that does. */
  warnings: string[];
  locations: string[];
  /** Its location holds it no longer. */
  is_orphan: boolean;
  applied_by: string;
  /** Of a document that came in a foreign format. */
  format: string | null;
  updated_at: string;
}

export interface VersionStep {
  to: VersionState;
  by: string;
  at: string;
  reason: string | null;
}

export interface VersionView {
  tag: string;
  digest: string;
  state: VersionState;
  /** The newest that was applied. */
  is_current: boolean;
  applied_at: string | null;
  applied_by: string | null;
  /** Oldest first. */
  history: VersionStep[];
  yaml: string;
}

export interface Review {
  ref: string;
  title: string;
  kind: string;
  type: string | null;
  class: string;
  owner: string | null;
  tag: string;
  digest: string;
  submitted_by: string | null;
  submitted_at: string | null;
  yaml: string;
  in_use: { tag: string; digest: string; state: VersionState; yaml: string } | null;
  may_decide: boolean;
  why_not: string | null;
}

export interface ReviewPage extends Page<Review> {
  total: number;
}

/** What became of one document of a text that was applied. */
export interface Applied {
  source: string;
  line: number;
  ref: string | null;
  result: 'created' | 'updated' | 'unchanged' | 'rejected';
  error: string | null;
  problems: TextProblem[];
  warnings: TextProblem[];
}

/** What one step of the graph shows: neighbours, and who says that there is an edge. */
export interface Neighbourhood {
  nodes: {
    ref: string | null;
    title: string;
    kind: string;
    type: string | null;
    origin: Origin | 'missing' | 'folded';
  }[];
  edges: { from: string; to: string; provenance: Provenance; calls: number }[];
}

export const CATALOG = '/catalog/entities';
export const REVIEWS = '/catalog/reviews';

/** The address of one entity in the API. */
export function entityApi(reference: string, part = ''): string {
  const { kind, namespace, name } = splitReference(reference);
  return `${CATALOG}/${[kind, namespace, name].map(encodeURIComponent).join('/')}${part}`;
}

export const isReviews = (path: string): boolean => path.startsWith(REVIEWS);
/** What a change of one entity makes stale. */
export const isCatalog = (path: string): boolean => path.startsWith('/catalog/');

/** Versions that wait for a review. */
export function useReviews(): Resource<ReviewPage> {
  return useData<ReviewPage>(REVIEWS);
}
