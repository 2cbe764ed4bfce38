import type { SearchHit } from '../api/catalog';
import type { AgentSummary, ModelSummary, RunSummary } from '../api/shapes';
import { ago } from '../format/time';
import { agentPath, entityPath, modelPath, runPath, splitReference } from '../router';
import { classWord, referenceName } from '../format/catalog';
import { docsPath } from '../pages/docs/paths';
import { classIconOf } from '../ui/catalog';
import type { IconName } from '../ui/icon';
import { signOut } from './nav';
import { helpOpen } from './overlays';
import { JUMPS } from './shortcuts';
import { setTheme } from './theme';

export interface Entry {
  id: string;
  label: string;
  hint: string;
  icon: IconName;
  /** More words to find it by. */
  also?: string;
  href?: string;
  act?: () => void;
}

const PAGE_ICONS: Record<string, IconName> = {
  h: 'home',
  r: 'runs',
  e: 'evaluation',
  a: 'agent',
  m: 'model',
  q: 'sql',
  s: 'settings',
  o: 'monitor',
  l: 'label',
  c: 'catalog',
  v: 'review',
  n: 'plus',
  k: 'score',
  i: 'source',
  p: 'inbox',
  b: 'guardrail',
  d: 'decision',
  t: 'plug',
  u: 'budget',
  x: 'audit',
};

/** Pages without a key of their own. */
const MORE_PAGES: Entry[] = (
  [
    ['/evaluations?new=1', 'New experiment', 'plus', 'evaluation'],
    ['/evaluations/compare', 'Compare two experiments', 'evaluation', 'evaluation better worse'],
    ['/evaluations/sets', 'Eval sets', 'star', 'golden cases evaluation'],
    ['/evaluations/evaluators', 'Evaluators', 'evaluation', 'scores'],
    ['/evaluations/baselines', 'Baselines', 'human', 'human process evaluation'],
    ['/evaluations/plan', 'Plan an evaluation', 'evaluation', 'sample size power cases trials'],
  ] as [string, string, IconName, string][]
).map(([href, label, icon, also]) => ({ id: `page:${href}`, label, hint: 'Evaluations', icon, also, href }));

const PERMISSION_PAGES: Entry[] = (
  [
    ['/approvals?show=past', 'Past approvals', 'inbox', 'held calls decided history'],
    ['/boundaries?new=1', 'New boundary', 'plus', 'policy permission yaml'],
    ['/decisions?effect=deny', 'Denied decisions', 'failed', 'refused permission'],
    ['/decisions?effect=needs_approval', 'Decisions that asked a human', 'human', 'needs approval'],
    ['/budgets?pause=1', 'Pause or stop agents', 'pause', 'kill switch halt'],
    ['/audit?kind=sign_in_refused', 'Refused sign-ins', 'audit', 'log'],
  ] as [string, string, IconName, string][]
).map(([href, label, icon, also]) => ({ id: `page:${href}`, label, hint: 'Permission', icon, also, href }));

const CATALOG_PAGES: Entry[] = (
  [
    ['/catalog?class=agent', 'Agents in the catalog', 'agent', 'registered owned entities'],
    ['/catalog?class=tool_server', 'Tool servers in the catalog', 'plug', 'mcp entities'],
    ['/catalog?class=skill', 'Skills', 'skill', 'catalog entities'],
    ['/catalog?class=group', 'Teams', 'team', 'groups owners catalog'],
    ['/catalog?owner=none', 'What nobody owns', 'alert', 'discovered unowned claim'],
    ['/catalog?state=pending', 'Versions that wait', 'clock', 'pending review approve'],
  ] as [string, string, IconName, string][]
).map(([href, label, icon, also]) => ({ id: `page:${href}`, label, hint: 'Catalog', icon, also, href }));

/** What the server found for `searched`: it looked at more than the title, so that text counts as part of each. */
function hitEntry(hit: SearchHit, searched: string, inTraffic: Set<string>): Entry {
  const { name } = splitReference(hit.ref);
  const isPage = hit.place === 'documentation';
  return {
    id: isPage ? `docs:${hit.ref}:${hit.path}` : entityId(hit, inTraffic),
    label: hit.title || referenceName(hit.ref),
    hint: isPage ? `${referenceName(hit.ref)} · documentation` : classWord(hit.class),
    icon: isPage ? 'audit' : classIconOf(hit.class),
    also: `${searched} ${name}`,
    href: isPage ? docsPath(hit.ref, hit.path ?? '') : entityPath(hit.ref),
  };
}

/**
 * An agent or model has one entry, and the catalog's page leads to the other. What was discovered has its name in traffic as
 * its title, since that may be none for an entity: `gpt-4o:free`. What was declared has it as its name.
 */
function entityId(hit: SearchHit, inTraffic: Set<string>): string {
  const ids = [hit.title, splitReference(hit.ref).name].map((name) => `${hit.class}:${name}`);
  return ids.find((id) => inTraffic.has(id)) ?? `entity:${hit.ref}`;
}

export function commands(
  now: number,
  hits: SearchHit[],
  searched: string,
  agents: AgentSummary[],
  models: ModelSummary[],
  runs: RunSummary[],
): Entry[] {
  const seen = new Set<string>();
  const inTraffic = new Set([
    ...agents.map(({ agent }) => `agent:${agent}`),
    ...models.map(({ model }) => `model:${model}`),
  ]);
  const entries = [
    ...JUMPS.map(([letter, href, name]): Entry => ({
      id: `page:${href}`,
      label: name,
      hint: `g ${letter}`,
      icon: PAGE_ICONS[letter] ?? 'chevron',
      href,
    })),
    ...hits.map((hit) => hitEntry(hit, searched, inTraffic)),
    ...MORE_PAGES,
    ...CATALOG_PAGES,
    ...PERMISSION_PAGES,
    {
      id: 'failed',
      label: 'Failed runs',
      hint: 'Runs',
      icon: 'failed',
      also: 'errors',
      href: '/runs?outcome=error',
    } satisfies Entry,
    ...agents.map((agent): Entry => ({
      id: `agent:${agent.agent}`,
      label: agent.agent,
      hint: 'Agent',
      icon: 'agent',
      href: agentPath(agent.agent),
    })),
    ...models.map((model): Entry => ({
      id: `model:${model.model}`,
      label: model.model,
      hint: 'Model',
      icon: 'model',
      href: modelPath(model.model),
    })),
    ...runs.map((run): Entry => ({
      id: `run:${run.run_id}`,
      label: run.title || run.run_id,
      hint: `${run.agent ?? 'Run'} · ${ago(run.started_at, now)}`,
      icon: run.outcome === 'error' ? 'failed' : 'runs',
      also: run.run_id,
      href: runPath(run.run_id),
    })),
    {
      id: 'mint',
      label: 'New agent key',
      hint: 'Settings',
      icon: 'key',
      also: 'mint token',
      href: '/settings',
    } satisfies Entry,
    { id: 'light', label: 'Light theme', hint: 'Theme', icon: 'sun', act: () => setTheme('light') } satisfies Entry,
    { id: 'dark', label: 'Dark theme', hint: 'Theme', icon: 'moon', act: () => setTheme('dark') } satisfies Entry,
    {
      id: 'system',
      label: 'Theme of the system',
      hint: 'Theme',
      icon: 'system',
      act: () => setTheme('system'),
    } satisfies Entry,
    {
      id: 'help',
      label: 'Keyboard shortcuts',
      hint: '?',
      icon: 'help',
      act: () => (helpOpen.value = true),
    } satisfies Entry,
    {
      id: 'sign-out',
      label: 'Sign out',
      hint: '',
      icon: 'signout',
      also: 'logout',
      act: () => void signOut(),
    } satisfies Entry,
  ];
  return entries.filter((entry) => !seen.has(entry.id) && seen.add(entry.id));
}
