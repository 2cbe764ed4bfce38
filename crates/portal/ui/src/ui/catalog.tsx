import type { ComponentChildren } from 'preact';
import type { CheckState, Level, Origin, VersionState } from '../api/catalog';
import {
  checkWord,
  classOf,
  classWord,
  levelNumber,
  LEVELS,
  levelWord,
  referenceName,
  stateReason,
  stateWord,
} from '../format/catalog';
import { entityPath } from '../router';
import { Icon, type IconName } from './icon';
import { Said, type Mark } from './status';

/** The marks of the catalog: an icon and a word, never colour alone. */

const stateMark: Record<VersionState, Omit<Mark, 'word'>> = {
  draft: { icon: 'form' },
  pending: { icon: 'clock', tone: 'asks' },
  approved: { icon: 'passed', tone: 'ok' },
  rejected: { icon: 'failed', tone: 'error' },
  deprecated: { icon: 'down' },
  retired: { icon: 'stop' },
};

export function VersionStatus({ state }: { state: VersionState }) {
  return <Said {...stateMark[state]} word={stateWord[state]} title={stateReason[state]} />;
}

const checkMark: Record<CheckState, Omit<Mark, 'word'>> = {
  pass: { icon: 'passed', tone: 'ok' },
  fail: { icon: 'failed', tone: 'error' },
  no_evidence: { icon: 'help' },
};

/** What does not apply is a dash, an exemption its own sign: neither is ever green. */
export function CheckStatus({
  state,
  applies = true,
  exempt = false,
}: {
  state: CheckState;
  applies?: boolean;
  exempt?: boolean;
}) {
  if (!applies) {
    return (
      <Said icon="dash" word="Does not apply" title="Its condition does not hold here, so it counts for nothing" />
    );
  }
  if (exempt && state !== 'pass') {
    return (
      <Said
        icon="skip"
        tone="asks"
        word="Exempt"
        title={`${checkWord[state]}, and does not hold the level back until the exemption ends`}
      />
    );
  }
  return <Said {...checkMark[state]} word={checkWord[state]} />;
}

/** Four steps and the word of the highest that is reached. */
export function LevelBadge({ level, word = true }: { level: Level | null; word?: boolean }) {
  const reached = levelNumber(level);
  const name = level === null ? 'Not yet known' : levelWord[level];
  return (
    <span class="level" title={`Level ${reached} of 4: ${name}`}>
      <span class="level-steps" aria-hidden="true">
        {LEVELS.map((one, index) => (
          <i key={one} class={index < reached ? 'reached' : ''} />
        ))}
      </span>
      <span class={word ? '' : 'hidden'}>{name}</span>
    </span>
  );
}

/** People and teams own; nobody owns them. */
export const isOwned = (name: string): boolean => !['group', 'user', 'location', 'domain', 'team'].includes(name);

/** Traffic showed it, and no document declares it; or nobody owns it. */
export function OriginBadge({ origin, owner, name }: { origin: Origin; owner: string | null; name: string }) {
  if (origin === 'declared') {
    return owner === null && isOwned(name) ? (
      <span class="badge" title="Declared, and no document says who owns it">
        no owner
      </span>
    ) : null;
  }
  return (
    <span class="badge warn" title="Seen in traffic; nobody has declared it">
      <Icon name="eye" /> {owner === null ? 'discovered, unowned' : 'discovered'}
    </span>
  );
}

const classIcon: Record<string, IconName> = {
  agent: 'agent',
  model: 'model',
  tool_server: 'plug',
  tool: 'tool',
  skill: 'skill',
  prompt: 'prompt',
  template: 'form',
  api: 'api',
  component: 'box',
  system: 'layers',
  group: 'team',
  domain: 'group',
  resource: 'budget',
  user: 'user',
  location: 'source',
  eval_set: 'star',
  pool: 'chart',
  caller: 'key',
  airesource: 'prompt',
};

export const classIconOf = (name: string): IconName => classIcon[name] ?? 'span';
export const iconOf = (kind: string, type: string | null): IconName => classIconOf(classOf(kind, type));

/** The kind of a thing, as people call it. */
export function ClassName({ kind, type }: { kind: string; type: string | null }) {
  return (
    <span class="class-name" title={type ? `${kind}, type ${type}` : kind}>
      <Icon name={iconOf(kind, type)} />
      {classWord(classOf(kind, type))}
    </span>
  );
}

export function EntityLink({
  reference,
  title,
  tab,
  children,
}: {
  reference: string;
  title?: string | null;
  tab?: string;
  children?: ComponentChildren;
}) {
  return (
    <a href={entityPath(reference, tab)} title={reference}>
      {children ?? title ?? referenceName(reference)}
    </a>
  );
}

export function OwnerLink({ owner, title }: { owner: string | null; title?: string | null }) {
  if (owner === null) return <span class="faint">nobody</span>;
  return <EntityLink reference={owner} title={title ?? null} />;
}
