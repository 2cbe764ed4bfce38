import type { Outcome, Source, SpanView, StepKind, StepView } from '../../api/shapes';
import type { Priced } from '../../format/money';
import { totalTokens } from '../../format/words';

/** What a line of the waterfall shows, made only for the lines in view. */
export interface Row {
  spanId: string;
  label: string;
  /** The whole name, for a pointer that rests on it. */
  title: string;
  detail: string;
  kind: StepKind | null;
  outcome: Outcome;
  source: Source;
  offsetNs: number;
  durationNs: number;
  /** Tokens and cost of the row and all below it. */
  tokens: number;
  priced: Priced | null;
  /** The same call, seen by somebody nearer to the truth, is counted instead. */
  isTwin: boolean;
}

export function stepLabel(step: Pick<StepView, 'kind' | 'name' | 'model' | 'tool' | 'agent'>): string {
  if (step.kind === 'model_call') return step.model ?? step.name;
  if (step.kind === 'tool_call') return step.tool ?? step.name;
  if (step.kind === 'agent_call') return step.agent ?? step.name;
  return step.name;
}

export function rowOfStep(step: StepView): Row {
  const label = stepLabel(step);
  return {
    spanId: step.span_id,
    label,
    title: step.name,
    detail: step.error_message ?? (label === step.name ? '' : step.name),
    kind: step.kind,
    outcome: step.outcome,
    source: step.source,
    offsetNs: step.offset_ns,
    durationNs: step.duration_ns,
    tokens: totalTokens(step.subtree.usage),
    priced: step.subtree.unpriced_calls > 0 || step.subtree.cost_usd !== null ? step.subtree : null,
    isTwin: Boolean(step.counted_as),
  };
}

/** Names this long do not fit; of a dotted path the end tells calls apart, so the beginning goes. */
const NAME_CHARACTERS_MAX = 40;

export function shortName(name: string): string {
  const segments = name.split('.');
  if (name.length <= NAME_CHARACTERS_MAX || segments.length < 4 || /\s/.test(name)) return name;
  return `…${segments.slice(-2).join('.')}`;
}

/** `service` is that of the run: only another one is worth a word. */
export function rowOfSpan(span: SpanView, step: StepView | undefined, service: string | null | undefined): Row {
  if (step) return { ...rowOfStep(step), label: shortName(span.name), detail: step.error_message ?? '' };
  return {
    spanId: span.span_id,
    label: shortName(span.name),
    title: span.name,
    detail: span.service && span.service !== service ? span.service : '',
    kind: span.step ?? null,
    outcome: span.outcome,
    source: span.source,
    offsetNs: span.offset_ns,
    durationNs: span.duration_ns,
    tokens: 0,
    priced: null,
    isTwin: false,
  };
}
