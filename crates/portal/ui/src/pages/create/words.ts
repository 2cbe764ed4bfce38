import type { Effect, LogLine, MadeFile, TemplateUpdate, UpdateChange } from '../../api/catalog-shapes';
import type { IconName } from '../../ui/icon';
import type { ListedFile } from '../../ui/files';

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

const FILE_MARKS: Record<MadeFile['change'], Omit<ListedFile, 'path'>> = {
  new: { word: 'new', icon: 'plus', tone: 'ok' },
  changed: { word: 'changed', icon: 'swap', tone: 'asks' },
  same: { word: '', icon: 'dash', tone: '' },
};
export const fileMark = ({ change }: MadeFile): Omit<ListedFile, 'path'> => FILE_MARKS[change];

const CHANGE_MARKS: Record<UpdateChange['change'], Omit<ListedFile, 'path'>> = {
  added: { word: 'added', icon: 'plus', tone: 'ok' },
  changed: { word: 'changed', icon: 'swap', tone: 'asks' },
  removed: { word: 'removed', icon: 'minus', tone: '' },
  kept: { word: 'yours kept', icon: 'lock', tone: '' },
};
export const changeMark = ({ change, conflict }: UpdateChange): Omit<ListedFile, 'path'> =>
  conflict ? { word: 'conflict', icon: 'alert', tone: 'error' } : CHANGE_MARKS[change];

export const effectMark: Record<Effect['state'], { word: string; icon: IconName; tone: string }> = {
  planned: { word: 'Planned', icon: 'clock', tone: '' },
  done: { word: 'Done', icon: 'passed', tone: 'ok' },
  left: { word: 'Left to do', icon: 'alert', tone: 'asks' },
};

export const logMark: Record<LogLine['level'], { word: string; icon: IconName; tone: string }> = {
  info: { word: 'Done', icon: 'check', tone: '' },
  warn: { word: 'Warning', icon: 'alert', tone: 'asks' },
  error: { word: 'Failed', icon: 'failed', tone: 'error' },
};

export const FOLDER_WORDS: Record<TemplateUpdate['folder'], string> = {
  project: 'compared with the folder on the server',
  sent: 'compared with the folder that was sent',
  as_made:
    'the server does not see the folder, so it is taken as it was made; `mizzen init --update` compares with yours',
};
