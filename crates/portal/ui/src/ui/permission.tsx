import type { ApprovalState } from '../api/gate';
import type { Effect, Mode, Taint } from '../api/policies';
import { decidedWord, enforcedWord, modeReason, modeWord, splitResource, wasApproved } from '../format/permission';
import { Icon, type IconName } from './icon';
import { Revealed } from './revealed';
import { Said, type Mark } from './status';

/** Status of permission: an icon and a word, never colour alone. */

const effectMark: Record<Effect, Omit<Mark, 'word'>> = {
  allow: { icon: 'passed', tone: 'ok' },
  deny: { icon: 'failed', tone: 'error' },
  needs_approval: { icon: 'human', tone: 'asks' },
};

export function EffectStatus({ effect, enforced, mode }: { effect: Effect; enforced: boolean; mode?: Mode }) {
  if (wasApproved(effect, enforced, mode ?? 'observe')) {
    return (
      <Said
        icon="human"
        tone="ok"
        word={decidedWord(effect, enforced, mode)}
        title="A person said yes, and the call went on"
      />
    );
  }
  const word = decidedWord(effect, enforced);
  if (enforced || effect === 'allow') return <Said {...effectMark[effect]} word={word} />;
  return <Said icon="eye" tone="observed" word={word} title="Observed: the call went on" />;
}

export function ModeStatus({ mode }: { mode: Mode }) {
  const icon = mode === 'enforce' ? 'lock' : 'eye';
  return <Said icon={icon} tone={`mode-${mode}`} word={modeWord[mode]} title={modeReason[mode]} />;
}

export function EnforcedChip({ enforced }: { enforced: boolean }) {
  return (
    <span class={enforced ? 'badge enforced' : 'badge'} title={enforced ? modeReason.enforce : modeReason.observe}>
      <Icon name={enforced ? 'lock' : 'eye'} /> {enforcedWord(enforced)}
    </span>
  );
}

const stateMark: Record<ApprovalState, Mark> = {
  waiting: { icon: 'clock', word: 'Waiting', tone: 'asks' },
  approved: { icon: 'passed', word: 'Approved', tone: 'ok' },
  denied: { icon: 'failed', word: 'Denied', tone: 'error' },
  expired: { icon: 'ended', word: 'Expired' },
  used: { icon: 'passed', word: 'Approved, used', tone: 'ok' },
  stopped: { icon: 'stop', word: 'Stopped', tone: 'error' },
};

export function ApprovalStatus({ state }: { state: ApprovalState }) {
  return <Said {...stateMark[state]} />;
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
