import type { Effect, LogLine, MadeFile, TemplateUpdate, UpdateChange } from '../../api/catalog-shapes';
import type { Mark } from '../../ui/status';

/** The words of templates and of what they make, as pure functions. */

/** What a template makes, of the kinds that have an icon of their own. */
export const typeKind = (type: string): 'ai-agent' | 'mcp-server' | 'skill' | 'eval-set' | 'other' =>
  (['ai-agent', 'mcp-server', 'skill', 'eval-set'] as const).find((known) => known === type) ??
  (type.includes('agent') ? 'ai-agent' : type.includes('eval') ? 'eval-set' : 'other');

const MADE_WORDS: Record<ReturnType<typeof typeKind>, string> = {
  'ai-agent': 'an agent',
  'mcp-server': 'a tool server',
  skill: 'a skill',
  'eval-set': 'an eval set',
  other: '',
};
export const madeWords = (type: string): string => MADE_WORDS[typeKind(type)] || type;

/** An owner is written as people write it: `platform` is a group of the usual namespace. */
export function ownerReference(owner: string | null): string | null {
  if (owner === null || owner === '') return null;
  const [kind, rest] = owner.includes(':')
    ? [owner.slice(0, owner.indexOf(':')), owner.slice(owner.indexOf(':') + 1)]
    : ['group', owner];
  return `${kind}:${rest.includes('/') ? rest : `default/${rest}`}`;
}

const FILE_MARKS: Record<MadeFile['change'], Mark> = {
  new: { word: 'new', icon: 'plus', tone: 'ok' },
  changed: { word: 'changed', icon: 'swap', tone: 'asks' },
  same: { word: '', icon: 'dash' },
};
export const fileMark = ({ change }: MadeFile): Mark => FILE_MARKS[change];

const CHANGE_MARKS: Record<UpdateChange['change'], Mark> = {
  added: { word: 'added', icon: 'plus', tone: 'ok' },
  changed: { word: 'changed', icon: 'swap', tone: 'asks' },
  removed: { word: 'removed', icon: 'minus' },
  kept: { word: 'yours kept', icon: 'lock' },
};
export const changeMark = ({ change, conflict }: UpdateChange): Mark =>
  conflict ? { word: 'conflict', icon: 'alert', tone: 'error' } : CHANGE_MARKS[change];

export const effectMark: Record<Effect['state'], Mark> = {
  planned: { word: 'Planned', icon: 'clock' },
  done: { word: 'Done', icon: 'passed', tone: 'ok' },
  left: { word: 'Left to do', icon: 'alert', tone: 'asks' },
};

export const logMark: Record<LogLine['level'], Mark> = {
  info: { word: 'Done', icon: 'check' },
  warn: { word: 'Warning', icon: 'alert', tone: 'asks' },
  error: { word: 'Failed', icon: 'failed', tone: 'error' },
};

export const FOLDER_WORDS: Record<TemplateUpdate['folder'], string> = {
  project: 'compared with the folder on the server',
  sent: 'compared with the folder that was sent',
  as_made:
    'the server does not see the folder, so it is taken as it was made; `mizzen init --update` compares with yours',
};
