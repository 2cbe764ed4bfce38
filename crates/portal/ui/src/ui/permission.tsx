import type { ApprovalState } from '../api/gate';
import type { Effect, Mode, Taint } from '../api/policies';
import {
  decidedWord,
  enforcedWord,
  modeReason,
  modeWord,
  splitResource,
  stateWord,
  wasApproved,
} from '../format/permission';
import { Icon, type IconName } from './icon';
import { Revealed } from './revealed';

/** Status of permission: an icon and a word, never colour alone. */

const effectIcon: Record<Effect, IconName> = { allow: 'passed', deny: 'failed', needs_approval: 'human' };
const effectClass: Record<Effect, string> = { allow: 'ok', deny: 'error', needs_approval: 'asks' };

export function EffectStatus({ effect, enforced, mode }: { effect: Effect; enforced: boolean; mode?: Mode }) {
  if (wasApproved(effect, enforced, mode ?? 'observe')) {
    return (
      <span class="status ok" title="A person said yes, and the call went on">
        <Icon name="human" />
        {decidedWord(effect, enforced, mode)}
      </span>
    );
  }
  const isObserved = !enforced && effect !== 'allow';
  return (
    <span
      class={`status ${isObserved ? 'observed' : effectClass[effect]}`}
      title={isObserved ? 'Observed: the call went on' : undefined}
    >
      <Icon name={isObserved ? 'eye' : effectIcon[effect]} />
      {decidedWord(effect, enforced)}
    </span>
  );
}

export function ModeStatus({ mode }: { mode: Mode }) {
  return (
    <span class={`status mode-${mode}`} title={modeReason[mode]}>
      <Icon name={mode === 'enforce' ? 'lock' : 'eye'} />
      {modeWord[mode]}
    </span>
  );
}

export function EnforcedChip({ enforced }: { enforced: boolean }) {
  return (
    <span class={enforced ? 'badge enforced' : 'badge'} title={enforced ? modeReason.enforce : modeReason.observe}>
      <Icon name={enforced ? 'lock' : 'eye'} /> {enforcedWord(enforced)}
    </span>
  );
}

const stateIcon: Record<ApprovalState, IconName> = {
  waiting: 'clock',
  approved: 'passed',
  denied: 'failed',
  expired: 'ended',
  used: 'passed',
  stopped: 'stop',
};
const stateClass: Record<ApprovalState, string> = {
  waiting: 'asks',
  approved: 'ok',
  denied: 'error',
  expired: '',
  used: 'ok',
  stopped: 'error',
};

export function ApprovalStatus({ state }: { state: ApprovalState }) {
  return (
    <span class={`status ${stateClass[state]}`}>
      <Icon name={stateIcon[state]} />
      {stateWord[state]}
    </span>
  );
}

const TOUCHES: [keyof Taint, IconName, string, string][] = [
  ['private_data', 'lock', 'private data', 'Something private was read'],
  ['untrusted_content', 'mail', 'untrusted content', 'Content that a stranger may have written was read'],
  ['outside_reached', 'globe', 'outside', 'Something was sent to where others can read it'],
];

/** What a session has touched. The three together are what an attack needs, so that is said. */
export function Touched({ taint, none = 'nothing so far' }: { taint: Taint | null; none?: string }) {
  const parts = TOUCHES.filter(([name]) => taint?.[name]);
  if (parts.length === 0) return <span class="faint">{none}</span>;
  return (
    <span class="touched">
      {parts.map(([name, icon, word, title]) => (
        <span key={name} class={parts.length === 3 ? 'badge bad' : 'badge warn'} title={title}>
          <Icon name={icon} /> {word}
        </span>
      ))}
    </span>
  );
}

const kindIcon: Record<string, IconName> = {
  tool: 'tool',
  model: 'model',
  resource: 'audit',
  prompt: 'label',
  route: 'swap',
  host: 'globe',
};

export function ResourceName({ resource }: { resource: string }) {
  const { kind, name } = splitResource(resource);
  return (
    <span class="resource" title={resource}>
      <Icon name={kindIcon[kind] ?? 'span'} />
      <span>
        <Revealed text={name} />
      </span>
    </span>
  );
}
