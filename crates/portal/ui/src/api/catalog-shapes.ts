import type { CheckState, Level, LevelCounts, Provenance } from './catalog';

/**
 * Shapes of the graph, templates, documentation, the overview of scorecards and ingestion. Written by hand: once
 * `schema.ts` has them, only this file changes.
 */

export type GraphDirection = 'up' | 'down' | 'both';
export type GraphOrigin = 'declared' | 'discovered' | 'missing' | 'folded';

export interface EntityGraphNode {
  id: string;
  /** Null for several that share a node. */
  ref: string | null;
  kind: string;
  type: string | null;
  title: string;
  owner: string | null;
  level: Level | null;
  origin: GraphOrigin;
  hops: number;
  folded: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface EntityGraphEdge {
  from: string;
  to: string;
  relations: string[];
  provenance: Provenance;
  calls: number;
  folded: number;
  points: number[][];
}

export interface EntityGraph {
  root: string;
  depth: number;
  direction: GraphDirection;
  width: number;
  height: number;
  nodes: EntityGraphNode[];
  edges: EntityGraphEdge[];
  total: number;
  folded: number;
  truncated: boolean;
}

export interface Impacted {
  ref: string;
  title: string;
  owner: string | null;
  level: Level | null;
  origin: GraphOrigin;
  hops: number;
  via: string;
  provenance: Provenance;
  runs_30_days: number | null;
}

export interface ImpactKind {
  kind: string;
  type: string | null;
  count: number;
  items: Impacted[];
}

export interface Impact {
  root: string;
  total: number;
  truncated: boolean;
  runs_30_days: number | null;
  kinds: ImpactKind[];
  owners: { owner: string | null; count: number }[];
}

export interface TemplateSummary {
  ref: string;
  namespace: string;
  name: string;
  title: string;
  description: string | null;
  type: string;
  owner: string | null;
  tags: string[];
  origin: 'built_in' | 'catalog';
  digest: string;
  state: string | null;
  runnable: boolean;
  why_not: string | null;
  questions: number;
  steps: number;
  made: number;
  made_behind: number;
}

export interface TemplateList {
  items: TemplateSummary[];
  /** Whether the server has a folder of projects to write into. */
  projects: boolean;
}

/** The part of JSON Schema that forms are made of; `ui:*` and `enumNames` are hints. */
export interface Question {
  title?: string;
  description?: string;
  type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
  enum?: (string | number)[];
  enumNames?: string[];
  default?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Question;
  'ui:field'?: string;
  'ui:widget'?: string;
  'ui:help'?: string;
  'ui:placeholder'?: string;
  'ui:autofocus'?: boolean;
}

export interface QuestionPage {
  title: string;
  description: string | null;
  schema: { required?: string[]; properties?: Record<string, Question> };
}

export interface TemplateStep {
  id: string;
  name: string;
  action: string;
  if: unknown;
  each: unknown;
  line: number;
  has_effect: boolean;
}

export interface TemplateDetail extends TemplateSummary {
  pages: QuestionPage[];
  step_list: TemplateStep[];
  files: string[];
  source: string;
  projects: boolean;
}

export type Values = Record<string, unknown>;
export type Target = 'download' | 'project';

export interface MadeFile {
  path: string;
  bytes: number;
  executable: boolean;
  encoding: 'utf-8' | 'base64';
  content: string;
  change: 'new' | 'changed' | 'same';
  diff: string | null;
}

export interface LogLine {
  step: string;
  name: string;
  action: string;
  level: 'info' | 'warn' | 'error';
  line: number;
  message: string;
  after_ms: number;
}

export interface Effect {
  step: string;
  kind: string;
  summary: string;
  state: 'planned' | 'done' | 'left';
  detail: string | null;
  output: Record<string, unknown> | null;
}

export interface Made {
  template: string;
  template_digest: string;
  dry_run: boolean;
  files: MadeFile[];
  log: LogLine[];
  effects: Effect[];
  entities: string[];
  output: {
    links: { title: string | null; url: string | null; icon: string | null; entityRef: string | null }[];
    text: { title: string | null; content: string; html: string }[];
  };
  project: string | null;
  archive: { file_name: string; content: string } | null;
}

export interface CreatedEntity {
  ref: string;
  title: string;
  owner: string | null;
  template_digest: string;
  behind: boolean;
  can_update: boolean;
  project: string | null;
  made_by: string | null;
  made_at: string;
}

export interface UpdateChange {
  path: string;
  change: 'added' | 'changed' | 'removed' | 'kept';
  conflict: boolean;
  diff: string | null;
  why?: string | null;
}

export interface TemplateUpdate {
  template: string;
  from: string;
  to: string;
  folder: 'project' | 'sent' | 'as_made';
  changes: UpdateChange[];
  conflicts: number;
}

export interface DocsEntry {
  title: string;
  path: string | null;
  children: DocsEntry[];
}

export interface DocsLink {
  title: string;
  path: string;
}

export interface DocsPage {
  ref: string;
  site: string;
  path: string;
  title: string;
  html: string;
  toc: { level: number; id: string; title: string }[];
  navigation: DocsEntry[];
  previous: DocsLink | null;
  next: DocsLink | null;
  source_url: string | null;
  updated_at: string;
}

export interface ScorecardCheck {
  id: string;
  level: Level;
  title: string;
  own: boolean;
}

export interface ScorecardCell {
  check: string;
  pass: number;
  fail: number;
  no_evidence: number;
  exempt: number;
  not_applicable: number;
}

export interface ScorecardRow {
  /** Null: what nobody owns. */
  ref: string | null;
  title: string;
  agents: number;
  level: Level | null;
  levels: LevelCounts;
  cells: ScorecardCell[];
}

export interface Scorecards {
  by: 'team' | 'agent';
  computed_at: string;
  agents: number;
  truncated: boolean;
  checks: ScorecardCheck[];
  rows: ScorecardRow[];
  distribution: LevelCounts;
  trend: ({ day: string } & LevelCounts)[];
}

/** A check in force, as `/catalog/checks` tells it. */
export interface CheckRule {
  id: string;
  level: Level;
  title: string;
  when: string | null;
  expr: string;
  why: string;
  fix: string;
  own: boolean;
}

export type CellState = CheckState | 'exempt' | 'not_applicable';

export interface SourceProblem {
  source: string | null;
  line: number | null;
  column: number | null;
  ref: string | null;
  kind?: 'unreadable' | 'invalid' | 'duplicate' | 'refused';
  message: string;
  at: string | null;
}

/** A place that documents come from, and how reading it goes. */
export interface SourceHealth {
  /** Null: documents that were applied by hand, and traffic. */
  id: string | null;
  type: string;
  target: string;
  /** From the configuration file, so read only here. */
  configured: boolean;
  state: 'ok' | 'failing' | 'never_read' | 'reading';
  last_read_at: string | null;
  next_read_at: string | null;
  entities: number;
  fault: string | null;
  added_by: string | null;
  errors: SourceProblem[];
  errors_total: number;
}

export interface Dangling {
  ref: string;
  relation: string;
  target: string;
  source: string | null;
  line: number | null;
}

export interface Duplicate {
  ref: string;
  /** Why, in a sentence: where it is kept from. */
  kept: string;
  refused: string;
  source: string | null;
  line: number | null;
  at: string | null;
}

export interface Orphan {
  ref: string;
  title: string;
  source: string;
  since: string | null;
}

export interface Ingestion {
  sources: SourceHealth[];
  dangling: Dangling[];
  dangling_total: number;
  duplicates: Duplicate[];
  duplicates_total: number;
  orphans: Orphan[];
  orphans_total: number;
}
