import type { EntityDetail, Envelope } from '../../api/catalog';

/** Which views an entity has, and the name that traffic has for it. */

export type TabId =
  'overview' | 'runs' | 'evals' | 'permissions' | 'dependencies' | 'scorecard' | 'versions' | 'docs' | 'yaml';

const LABELS: Record<TabId, string> = {
  overview: 'Overview',
  runs: 'Runs',
  evals: 'Evals',
  permissions: 'Tools & permissions',
  dependencies: 'Dependencies',
  scorecard: 'Scorecard',
  versions: 'Versions',
  docs: 'Docs',
  yaml: 'YAML',
};

/** Views that only some things have. */
const ONLY: Partial<Record<TabId, string[]>> = {
  runs: ['agent', 'model'],
  evals: ['agent'],
  permissions: ['agent', 'tool_server'],
  scorecard: ['agent'],
};

export function tabsOf(className: string, has: { versions: boolean; docs: boolean }): { id: TabId; label: string }[] {
  const ids = (Object.keys(LABELS) as TabId[]).filter(
    (id) =>
      (ONLY[id]?.includes(className) ?? true) && (id !== 'versions' || has.versions) && (id !== 'docs' || has.docs),
  );
  return ids.map((id) => ({ id, label: id === 'permissions' && className === 'tool_server' ? 'Tools' : LABELS[id] }));
}

export const typeOf = ({ spec }: Envelope): string | null => (typeof spec?.type === 'string' ? spec.type : null);

const ANNOTATIONS: Record<string, string> = {
  agent: 'mizzen.dev/agent',
  model: 'mizzen.dev/model',
  tool_server: 'mizzen.dev/tool-server',
  tool: 'mizzen.dev/tool',
  caller: 'mizzen.dev/caller',
};

/** The annotation where the name in traffic is another one. */
export function trafficName(detail: Pick<EntityDetail, 'class' | 'entity'>): string {
  const { entity } = detail;
  const annotation = ANNOTATIONS[detail.class];
  return (annotation && entity.metadata.annotations?.[annotation]) || entity.metadata.name;
}
