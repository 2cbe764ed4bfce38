import type { RunSummary } from './shapes';

/**
 * Shapes of the evaluation part of the HTTP API. They carry the names they have in the OpenAPI document, so that
 * generated ones can take their place.
 */

export interface EvaluatorRef {
  name: string;
  version: string;
  digest: string;
}

/** A number with its uncertainty. An end is null when nothing honest can be said of it; `note` says why. */
export interface Estimate {
  value: number;
  lower: number | null;
  upper: number | null;
  confidence: number;
  method: string;
  n: number;
  clusters: number;
  note: string | null;
}

export type Verdict = 'pass' | 'fail' | 'inconclusive';
export type Answer = 'better' | 'worse' | 'no_worse' | 'not_yet_known' | 'not_comparable';

/** The words of `GET /runs`. */
export interface RunSelector {
  agent?: string | null;
  model?: string | null;
  outcome?: string | null;
  session?: string | null;
  caller?: string | null;
  q?: string | null;
  from?: string | null;
  to?: string | null;
  source?: string | null;
  run_ids?: string[];
}

export interface EvaluatorParameter {
  name: string;
  description: string;
  default: string | null;
}

export interface EvaluatorView {
  name: string;
  version: string;
  title: string;
  description: string;
  needs: string[];
  unit: string | null;
  is_counter: boolean;
  threshold: number | null;
  parameters: EvaluatorParameter[];
  /** Programs run only where `mizzen eval run` is typed. */
  on_server: boolean;
}

export interface EvaluatorChoice {
  name: string;
  parameters: Record<string, unknown>;
}

export interface EvalSetSummary {
  name: string;
  digest: string;
  version: number;
  cases: number;
  description: string | null;
  created_at: string;
  created_by: string | null;
}

export interface EvalTurn {
  user: string | null;
  tool_calls: { name: string; arguments: unknown }[];
  response: string | null;
}

export interface EvalCaseView {
  case: string;
  golden_run_id: string | null;
  turns: EvalTurn[];
}

export interface EvalSetDetail extends EvalSetSummary {
  versions: { version: number; digest: string; cases: number; created_at: string; created_by: string | null }[];
  items: EvalCaseView[];
}

export interface Aggregate {
  evaluator: EvaluatorRef;
  unit: string | null;
  threshold: number | null;
  scored: number;
  not_evaluated: number;
  failed: number;
  passed: number | null;
  mean: Estimate | null;
  pass_rate: Estimate | null;
  pass_hat: { k: number; estimate: Estimate }[];
  icc: number | null;
  design_effect: number | null;
  reasons: { reason: string; count: number }[];
}

export interface ExperimentSummary {
  id: string;
  name: string;
  state: 'running' | 'finished' | 'failed';
  set: { name: string; digest: string; version: number } | null;
  selector: RunSelector;
  agents: string[];
  agent_digest: string | null;
  created_at: string;
  created_by: string | null;
  finished_at: string | null;
  runs: number;
  skipped: { not_final: number; no_case: number; unreadable: number; other_version: number };
  problem: string | null;
  aggregates: Aggregate[];
}

export interface NewExperiment {
  name: string;
  set: string | null;
  runs: RunSelector;
  evaluators: EvaluatorChoice[];
  split_versions: boolean;
  count_sdk_evidence: boolean;
  publish_evidence: boolean;
}

export interface CaseTrial {
  run_id: string;
  revision: number;
  status: 'scored' | 'not_evaluated' | 'failed';
  value: number | null;
  verdict: Verdict | null;
  explanation: string | null;
}

export interface CaseResult {
  case: string;
  evaluator: string;
  trials: number;
  scored: number;
  passed: number | null;
  mean: number | null;
  runs: CaseTrial[];
}

export interface Metric {
  evaluator: EvaluatorRef;
  unit: string | null;
  lower_is_better?: boolean;
  answer: Answer;
  sentence: string;
  a: Estimate | null;
  b: Estimate | null;
  difference: Estimate | null;
  p_value: number | null;
  p_adjusted: number | null;
  test: string | null;
  cases_shared: number;
  only_a: number;
  only_b: number;
  improved: number;
  regressed: number;
  unchanged: number;
  further_cases: number | null;
}

export interface ChangedCase {
  case: string;
  evaluator: string;
  a: number;
  b: number;
  trials_a: number;
  trials_b: number;
  runs_a: string[];
  runs_b: string[];
}

export interface Comparison {
  a: ExperimentSummary;
  b: ExperimentSummary;
  alpha: number;
  margin: number | null;
  metrics: Metric[];
  changed: ChangedCase[];
  changed_total: number;
}

export type UnitOfCount = 'run' | 'case' | 'session';

export interface MonitorSummary {
  id: string;
  name: string;
  evaluator: EvaluatorRef;
  selector: RunSelector;
  unit_of_count: UnitOfCount;
  alpha: number;
  baseline: number | null;
  average_run_length: number;
  state: 'watching' | 'alarmed';
  created_at: string;
  created_by: string | null;
  n: number;
  units: number;
  skipped: number;
  estimate: Estimate | null;
  /** Sessions or cases that are not finished and not counted yet. */
  open_units: number;
  e_value: number | null;
  detector: number | null;
  detector_threshold: number;
  alarm_at: string | null;
  as_of: string | null;
  agent_digest: string | null;
  problem: string | null;
}

export interface MonitorPoint {
  at: string;
  n: number;
  value: number;
  lower: number;
  upper: number;
  e_value: number | null;
  detector: number | null;
  alarm: boolean;
}

export interface MonitorAlarm {
  at: string;
  n: number;
  detector: number;
  run_id: string | null;
}

export interface MonitorDetail extends MonitorSummary {
  points: MonitorPoint[];
  alarms: MonitorAlarm[];
}

export interface NewMonitor {
  name: string;
  evaluator: EvaluatorChoice;
  selector: RunSelector;
  set: string | null;
  unit_of_count: UnitOfCount;
  trials_per_case: number | null;
  alpha: number;
  baseline: number | null;
  average_run_length: number;
  include_past: boolean;
}

export interface LabelQueue {
  items: { run: RunSummary }[];
  labelled: number;
  metric: string;
}

export interface BaselineView {
  name: string;
  metric: string;
  description: string | null;
  recorded_at: string;
  recorded_by: string | null;
  successes: number;
  n: number;
  safety_events: number | null;
  cost_usd_mean: number | null;
  duration_seconds_mean: number | null;
  cases: number;
  success: Estimate | null;
  safety: Estimate | null;
  cost: Estimate | null;
  duration: Estimate | null;
}

export interface ComparedAspect {
  aspect: 'safety' | 'success' | 'cost' | 'time';
  human: Estimate | null;
  agent: Estimate | null;
  difference: Estimate | null;
  ratio: Estimate | null;
  answer: Answer;
  sentence: string;
}

export interface BaselineComparison {
  baseline: BaselineView;
  experiment: string;
  rows: ComparedAspect[];
}

export interface EvidenceView {
  subject: string;
  agent: string | null;
  metric: string;
  n: number;
  clusters: number;
  method: string;
  alpha: number;
  lower: number;
  upper: number;
  e_value: number | null;
  as_of: string;
  sources: string[];
  lineage_position: number;
  alpha_total: number;
  from: { kind: 'experiment' | 'monitor'; id: string };
  runs: number;
}

export interface PlanView {
  claim: 'at_least' | 'not_worse';
  cases: number;
  trials_per_case: number;
  trials: number;
  minimum_trials: number | null;
  power: number;
  icc: number;
  design_effect: number;
  method: string;
  sentence: string;
  curve: { trials_per_case: number; cases: number; trials: number }[];
}

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
