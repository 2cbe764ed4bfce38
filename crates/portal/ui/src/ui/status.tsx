import type { Outcome, RunSummary, Source, StepKind } from '../api/shapes';
import { failureWords, refusal } from '../format/refusal';
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

/** What was refused or held did not fail by itself. Most agents never say that a run went well: it ended without an error, which is all that is known. */
export function RunStatus({ run }: { run: RunSummary }) {
  const kept = refusal(run);
  if (kept) {
    return (
      <span class={kept === 'held' ? 'status asks' : 'status error'} title={failureWords(run)}>
        <Icon name={kept === 'held' ? 'clock' : 'lock'} />
        {kept === 'held' ? 'Held' : 'Refused'}
      </span>
    );
  }
  if (run.outcome !== 'unset') return <Status outcome={run.outcome} />;
  return run.is_final ? (
    <span class="status" title="It ended, and nothing said how">
      <Icon name="ended" />
      Ended
    </span>
  ) : (
    <Status outcome="unset" word="Running" />
  );
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
