import type { Outcome, RunSummary, Source, StepKind } from '../api/shapes';
import { outcomeWord, sourceReason } from '../format/words';
import { Icon, type IconName } from './icon';

/** Status is an icon and a word, never colour alone. */

const outcomeIcon: Record<Outcome, IconName> = { ok: 'passed', error: 'failed', unset: 'open' };

export function Status({ outcome, word }: { outcome: Outcome; word?: string }) {
  return (
    <span class={`status ${outcome}`}>
      <Icon name={outcomeIcon[outcome]} />
      {word ?? outcomeWord[outcome]}
    </span>
  );
}

/** A run that is not final and has no outcome is still going; a final one without outcome never said. */
export function RunStatus({ run }: { run: RunSummary }) {
  if (run.outcome !== 'unset') return <Status outcome={run.outcome} />;
  return <Status outcome="unset" word={run.is_final ? 'Unknown' : 'Running'} />;
}

export const kindIcon: Record<StepKind, IconName> = {
  model_call: 'model',
  tool_call: 'tool',
  agent_call: 'agent',
  retrieval: 'retrieval',
  guardrail: 'guardrail',
  human: 'human',
  group: 'group',
};

export function KindIcon({ kind }: { kind: StepKind | null | undefined }) {
  return <Icon name={kind ? kindIcon[kind] : 'span'} class={`kind ${kind ?? 'span'}`} />;
}

export function SourceChip({ source }: { source: Source }) {
  return (
    <span class="chip" title={sourceReason[source]}>
      {source}
    </span>
  );
}
