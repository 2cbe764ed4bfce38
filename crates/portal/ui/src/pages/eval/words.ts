import type {
  Aggregate,
  Answer,
  Estimate,
  ExperimentSummary,
  Metric,
  MonitorSummary,
  RunSelector,
} from '../../api/eval';
import { differenceText, sampleWords, valueText, type Unit } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';

/** What the evaluation pages say in words; pure, so that the words are tested. */

export const answerWord: Record<Answer, string> = {
  better: 'Better',
  worse: 'Worse',
  no_worse: 'No worse',
  not_yet_known: 'Not yet known',
  not_comparable: 'Not comparable',
};

/** How much worse may still count as no worse: what one chooses from. */
export const MARGINS = ['0.01', '0.02', '0.05', '0.1'];

/** Scores and shares of passed trials are both proportions: side by side they are read in one unit. */
export const comparedUnit = ({ unit }: Pick<Metric, 'unit'>): Unit => unit ?? 'share';

const DIFFERENCE = 'the difference is ';

/** The server's sentence, which knows why, with its numbers in the unit of the page. */
export function comparedSentence(metric: Metric, margin: number | null): string {
  const sentence = metric.sentence.charAt(0).toUpperCase() + metric.sentence.slice(1);
  const [before, after] = sentence.split(DIFFERENCE);
  if (before === undefined || after === undefined) return sentence;
  const unit = comparedUnit(metric);
  const lead =
    margin === null ? before : before.replace(`by more than ${margin}:`, `by more than ${valueText(margin, unit)}:`);
  return `${lead}${DIFFERENCE}${differenceText(metric.difference, unit)}`;
}

export const needWord: Record<string, string> = {
  expected_tool_calls: 'expected tool calls',
  expected_response: 'expected response',
  response: 'recorded response',
  expectation: 'expectation of the case',
  judge: 'judge model',
  label: 'human label',
};

/** What only a case of an eval set can give. */
const FROM_SET = ['expected_tool_calls', 'expected_response', 'expectation'];
export const needsSet = (needs: string[]): boolean => needs.some((need) => FROM_SET.includes(need));

export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);

/** The words of the API and of the command line. */
export type MonitorState = 'alarmed' | 'watching';

export const monitorState = ({ state }: Pick<MonitorSummary, 'state'>): MonitorState =>
  state === 'alarmed' ? 'alarmed' : 'watching';

/** Experiments that nobody named are called alike: what they scored with, and when, tells them apart. */
export function experimentLabel({
  name,
  aggregates,
  created_at: made,
}: Pick<ExperimentSummary, 'name' | 'aggregates' | 'created_at'>): string {
  return [name, aggregates.map(({ evaluator }) => evaluator.name).join(', '), instant(made)]
    .filter(Boolean)
    .join(' · ');
}

/** The number that stands for an evaluator: its pass rate where it has a threshold, else its mean. */
export function headline(aggregate: Aggregate): { estimate: Estimate | null; unit: string | null } {
  return aggregate.pass_rate
    ? { estimate: aggregate.pass_rate, unit: 'share' }
    : { estimate: aggregate.mean, unit: aggregate.unit };
}

/** `82 of 196 trials of 50 cases passed`, or what else is known. */
export function passedWords(aggregate: Aggregate): string {
  const { estimate } = headline(aggregate);
  const sample = estimate ? sampleWords(estimate) : plural(aggregate.scored, 'trial');
  return aggregate.passed === null ? `mean of ${sample}` : `${exact(aggregate.passed)} of ${sample} passed`;
}

/** What the interval of an evaluator means, for somebody who has never met one. */
export function intervalWords(aggregate: Aggregate): string {
  const { estimate, unit } = headline(aggregate);
  if (!estimate) return 'Nothing was scored, so there is nothing to estimate.';
  const { lower, upper, confidence, note } = estimate;
  if (lower === null || upper === null) return `No interval: ${note ?? 'too little was scored'}.`;
  const sure = `${Number((100 * confidence).toPrecision(4))}%`;
  return `With ${sure} confidence the true ${unit === 'share' ? 'pass rate' : 'mean'} lies between ${valueText(lower, unit)} and ${valueText(upper, unit)}.`;
}

/** Why trials of one case count for less than as many cases. */
export function clusterWords(aggregate: Aggregate): string | null {
  const { icc, design_effect: effect } = aggregate;
  const n = headline(aggregate).estimate?.n ?? 0;
  if (icc === null || effect === null || effect <= 1.05 || n === 0) return null;
  return `Trials of one case resemble each other (intra-class correlation ${icc.toFixed(2)}), so the ${plural(n, 'trial')} tell as much as ${exact(Math.round(n / effect))} independent ones.`;
}

const SKIPPED: [keyof ExperimentSummary['skipped'], string][] = [
  ['not_final', 'still going'],
  ['no_case', 'of no case in the set'],
  ['unreadable', 'unreadable'],
  ['other_version', 'of another version'],
];

/** `2 still going, 1 unreadable`; empty when every run was looked at. */
export function skippedWords(skipped: ExperimentSummary['skipped']): string {
  return SKIPPED.flatMap(([name, word]) => (skipped[name] > 0 ? [`${exact(skipped[name])} ${word}`] : [])).join(', ');
}

/** Which runs, as one reads it: `helm-agent, outcome ok, since 2026-11-01`. */
export function selectorWords(selector: RunSelector): string {
  const parts = [
    selector.agent,
    selector.model,
    selector.outcome && `outcome ${selector.outcome}`,
    selector.source && `seen by ${selector.source}`,
    selector.session && `session ${selector.session}`,
    selector.caller && `caller ${selector.caller}`,
    selector.q && `“${selector.q}”`,
    selector.from && `since ${selector.from.slice(0, 10)}`,
    selector.to && `until ${selector.to.slice(0, 10)}`,
    selector.run_ids && selector.run_ids.length > 0 && plural(selector.run_ids.length, 'chosen run'),
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'all runs';
}

const COUNTED: Record<MonitorSummary['unit_of_count'], string> = { run: 'run', case: 'case', session: 'session' };

/** The error rates a monitor promises, before anybody asks what an alarm is worth. */
export function promiseWords(
  monitor: Pick<MonitorSummary, 'alpha' | 'average_run_length' | 'unit_of_count' | 'baseline'>,
): string {
  const one = COUNTED[monitor.unit_of_count];
  const band = `However often one looks, the chance that the band ever misses the true value is at most ${Number((100 * monitor.alpha).toPrecision(3))}%.`;
  if (monitor.baseline === null) return `${band} Without a baseline it never raises an alarm.`;
  return `${band} While nothing is wrong, a false alarm comes on average once in ${plural(monitor.average_run_length, one)} or less often.`;
}

/** How near the alarm is, on the scale on which evidence multiplies. */
export function alarmNearness(detector: number | null, threshold: number): number {
  if (detector === null || detector <= 1 || threshold <= 1) return 0;
  return Math.min(1, Math.log(detector) / Math.log(threshold));
}
