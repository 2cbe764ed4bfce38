import type { components } from './schema';
import type { Told } from './shapes';

/** Names for the shapes of the evaluation part of the HTTP API. */

type Schemas = components['schemas'];

export type Estimate = Told<Schemas['Estimate']>;
/** What is left out does not matter. */
export type RunSelector = Partial<Schemas['RunSelector']>;
export type EvaluatorView = Told<Schemas['EvaluatorView']>;
export type EvalSetSummary = Told<Schemas['SetVersion']>;
export type EvalCaseView = Told<Schemas['EvalCaseView']>;
export type EvalSetDetail = Told<Schemas['EvalSetDetail']>;
export type Aggregate = Told<Schemas['Aggregate']>;
export type ExperimentSummary = Told<Schemas['Experiment']>;
export type NewExperiment = Omit<Schemas['ExperimentRequest'], 'runs' | 'evaluators'> & {
  runs: RunSelector;
  evaluators: EvaluatorChoice[];
};
export type CaseTrial = Told<Schemas['TrialResult']>;
export type CaseResult = Told<Schemas['CaseResult']>;
export type Metric = Told<Schemas['MetricComparison']>;
export type ChangedCase = Told<Schemas['ChangedCase']>;
export type Comparison = Told<Schemas['ComparisonView']>;
export type MonitorSummary = Told<Schemas['MonitorView']>;
export type MonitorPoint = Told<Schemas['Point']>;
export type MonitorDetail = Told<Schemas['MonitorDetail']>;
export type NewMonitor = Omit<Schemas['MonitorRequest'], 'selector' | 'evaluator'> & {
  selector: RunSelector;
  evaluator: EvaluatorChoice;
};
export type LabelQueue = Told<Schemas['LabelQueue']>;
export type BaselineView = Told<Schemas['Baseline']>;
export type ComparedAspect = Told<Schemas['AspectComparison']>;
export type BaselineComparison = Told<Schemas['BaselineComparison']>;
export type EvidenceView = Told<Schemas['EvidenceItem']>;
export type PlanView = Told<Schemas['Plan']>;
export type UnitOfCount = Schemas['Unit'];
export type Answer = Schemas['Answer'];
/** Parameters are whatever the evaluator takes, which the document cannot say. */
export type EvaluatorChoice = Omit<Schemas['EvaluatorChoice'], 'parameters'> & { parameters: Record<string, unknown> };

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
