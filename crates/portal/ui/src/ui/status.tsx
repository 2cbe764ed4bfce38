import type { Mode } from '../api/policies';
import type { Outcome, RunSummary, Source, StepKind } from '../api/shapes';
import { failureWords, refusal } from '../format/refusal';
import { outcomeWord, sourceReason } from '../format/words';
import { Icon, type IconName } from './icon';

/** Status is an icon and a word, never colour alone. */

export interface Mark {
  icon: IconName;
  word: string;
  tone?: 'ok' | 'error' | 'unset' | 'asks' | 'observed' | `mode-${Mode}` | '';
}

export function Said({ icon, word, tone = '', title }: Mark & { title?: string | null | undefined }) {
  return (
    <span class={`status ${tone}`} title={title ?? undefined}>
      <Icon name={icon} />
      {word}
    </span>
  );
}

const HELD: Mark = { icon: 'clock', word: 'Held', tone: 'asks' };
const REFUSED: Mark = { icon: 'lock', word: 'Refused', tone: 'error' };
const outcomeIcon: Record<Outcome, IconName> = { ok: 'passed', error: 'failed', unset: 'open' };

export function Status({ outcome, word }: { outcome: Outcome; word?: string }) {
  return <Said icon={outcomeIcon[outcome]} tone={outcome} word={word ?? outcomeWord[outcome]} />;
}

/** What was refused or held did not fail by itself. Most agents never say that a run went well: it ended without an error, which is all that is known. */
export function RunStatus({ run }: { run: RunSummary }) {
  const kept = refusal(run);
  if (kept) {
    return <Said {...(kept === 'held' ? HELD : REFUSED)} title={failureWords(run)} />;
  }
  if (run.outcome !== 'unset') return <Status outcome={run.outcome} />;
  return run.is_final ? (
    <Said icon="ended" word="Ended" title="It ended, and nothing said how" />
  ) : (
    <Status outcome="unset" word="Running" />
  );
}

const kindIcon: Record<StepKind, IconName> = {
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
