import type { CheckState, Level, VersionState } from '../api/catalog';
import { splitReference } from '../router';

/** The words and order of the catalog, as pure functions. */

/**
 * What people call things, which is finer than the kind: a component of type `ai-agent` is an agent. The server names
 * the classes; where only kind and type are known they follow from those. Other kinds are their own class.
 */
const CLASS_OF: Record<string, string> = {
  'component/ai-agent': 'agent',
  'component/caller': 'caller',
  'resource/ai-model': 'model',
  'resource/ai-tool': 'tool',
  'resource/ai-pool': 'pool',
  'resource/eval-set': 'eval_set',
  'api/mcp-server': 'tool_server',
  'airesource/skill': 'skill',
  'airesource/prompt': 'prompt',
};

export function classOf(kind: string, type: string | null): string {
  const small = kind.toLowerCase();
  return CLASS_OF[`${small}/${(type ?? '').toLowerCase()}`] ?? small;
}

/** In the order in which the catalog offers them. */
const CLASS_WORDS: Record<string, [one: string, many: string]> = {
  agent: ['Agent', 'Agents'],
  model: ['Model', 'Models'],
  tool_server: ['Tool server', 'Tool servers'],
  tool: ['Tool', 'Tools'],
  skill: ['Skill', 'Skills'],
  prompt: ['Prompt', 'Prompts'],
  template: ['Template', 'Templates'],
  api: ['API', 'APIs'],
  component: ['Component', 'Components'],
  system: ['System', 'Systems'],
  group: ['Team', 'Teams'],
  resource: ['Resource', 'Resources'],
  domain: ['Domain', 'Domains'],
  user: ['User', 'Users'],
  location: ['Location', 'Locations'],
  eval_set: ['Eval set', 'Eval sets'],
  pool: ['Pool', 'Pools'],
  caller: ['Caller', 'Callers'],
  airesource: ['AI resource', 'AI resources'],
};

/** Those that have a tab in any catalog, empty or not. */
export const MAIN_CLASSES = [
  'agent',
  'model',
  'tool_server',
  'tool',
  'skill',
  'prompt',
  'template',
  'api',
  'component',
  'system',
  'group',
];

/** A class the portal has no words for is named as it is. */
export const classWord = (name: string, many = false): string => CLASS_WORDS[name]?.[many ? 1 : 0] ?? name;

/** Classes other than the main ones, in their usual order, then by name. */
export function otherClasses(found: string[]): string[] {
  const order = Object.keys(CLASS_WORDS);
  const at = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return found.filter((name) => !MAIN_CLASSES.includes(name)).sort((a, b) => at(a) - at(b) || a.localeCompare(b));
}

/** A reference in words: the name, with its namespace where that is not the usual one. */
export function referenceName(reference: string): string {
  const { namespace, name } = splitReference(reference);
  return namespace === 'default' || namespace === '' ? name : `${namespace}/${name}`;
}

export const LEVELS: Level[] = ['known', 'controlled', 'proven', 'trusted'];
export const levelWord: Record<Level, string> = {
  known: 'Known',
  controlled: 'Controlled',
  proven: 'Proven',
  trusted: 'Trusted',
};

/** How many levels are reached. */
export const levelNumber = (level: Level | null): number => (level === null ? 0 : LEVELS.indexOf(level) + 1);
export const levelOf = (reached: number): Level | null => LEVELS[reached - 1] ?? null;

export const stateWord: Record<VersionState, string> = {
  draft: 'Draft',
  pending: 'Pending',
  approved: 'Approved',
  rejected: 'Rejected',
  deprecated: 'Deprecated',
  retired: 'Retired',
};

export const stateReason: Record<VersionState, string> = {
  draft: 'Kept, and nobody was asked yet',
  pending: 'Waits for a review; refused where approval is asked for',
  approved: 'May be used',
  rejected: 'Refused by a reviewer',
  deprecated: 'Still usable, and not to be taken up any more',
  retired: 'Not to be used',
};

export const checkWord: Record<CheckState, string> = {
  pass: 'Passed',
  fail: 'Failed',
  no_evidence: 'No evidence',
};

/** What a version may become, as the server allows it. */
const NEXT: Record<VersionState, VersionAction[]> = {
  draft: ['submit', 'retire'],
  pending: ['approve', 'reject'],
  approved: ['deprecate', 'retire'],
  rejected: ['submit', 'retire'],
  deprecated: ['approve', 'retire'],
  retired: [],
};

export type VersionAction = 'submit' | 'approve' | 'reject' | 'deprecate' | 'retire';

export const actionsOf = (state: VersionState): VersionAction[] => NEXT[state];

/** What is closed to whoever made the version, where somebody else must approve it; to reject it is to take it back. */
export const isClosed = (action: VersionAction, refused: string | null): boolean =>
  refused !== null && action === 'approve';

export const actionWord: Record<VersionAction, string> = {
  submit: 'Submit for review',
  approve: 'Approve',
  reject: 'Reject',
  deprecate: 'Deprecate',
  retire: 'Retire',
};
