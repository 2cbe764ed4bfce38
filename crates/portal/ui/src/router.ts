/** Addresses of the portal, as pure functions; `location.ts` ties them to the browser. */

/** Pages below `/evaluations`; `id` is empty for those about no single thing. */
type EvalPage =
  | 'experiments'
  | 'experiment'
  | 'compare'
  | 'sets'
  | 'set'
  | 'evaluators'
  | 'monitors'
  | 'monitor'
  | 'labels'
  | 'baselines'
  | 'baseline'
  | 'plan';

/** Pages of permission; `id` is empty for those about no single thing. */
type PermissionPage =
  'approvals' | 'boundaries' | 'boundary' | 'decisions' | 'tools' | 'tool-server' | 'budgets' | 'audit';

/** Pages of the catalog; `id` of an entity's page is its reference. */
type CatalogPage =
  'catalog' | 'reviews' | 'entity' | 'dependency-graph' | 'scorecards' | 'ingestion' | 'create' | 'template';

export type Route =
  | { page: 'home' }
  | { page: 'runs' }
  | { page: 'run'; runId: string }
  | { page: 'agents' }
  | { page: 'agent'; agent: string }
  | { page: 'models' }
  | { page: 'model'; model: string }
  | { page: 'sql' }
  | { page: 'settings' }
  | { page: EvalPage | PermissionPage | CatalogPage; id: string }
  | { page: 'missing' };

export function match(path: string): Route {
  const segments = path.split('/').filter(Boolean).map(decode);
  const [first, second] = segments;
  if (first === 'evaluations') return matchEvaluation(segments.slice(1));
  if (first === 'catalog') return matchCatalog(segments.slice(1));
  if (first === 'create') return matchCreate(segments.slice(1));
  const permission = matchPermission(segments);
  if (permission) return permission;
  if (segments.length > 2) return { page: 'missing' };
  if (first === undefined) return { page: 'home' };
  if (second === undefined) {
    return first === 'runs' || first === 'agents' || first === 'models' || first === 'sql' || first === 'settings'
      ? { page: first }
      : { page: 'missing' };
  }
  if (first === 'runs') return { page: 'run', runId: second };
  if (first === 'agents') return { page: 'agent', agent: second };
  if (first === 'models') return { page: 'model', model: second };
  return { page: 'missing' };
}

const PERMISSION_LISTS: Record<string, PermissionPage> = {
  approvals: 'approvals',
  boundaries: 'boundaries',
  decisions: 'decisions',
  tools: 'tools',
  budgets: 'budgets',
  audit: 'audit',
};
const PERMISSION_DETAILS: Record<string, PermissionPage> = { boundaries: 'boundary', tools: 'tool-server' };

function matchPermission([list, id, ...rest]: string[]): Route | null {
  if (list === undefined || rest.length > 0) return null;
  const page = id === undefined ? PERMISSION_LISTS[list] : PERMISSION_DETAILS[list];
  return page ? { page, id: id ?? '' } : null;
}

const CATALOG_LISTS: Record<string, CatalogPage> = {
  reviews: 'reviews',
  graph: 'dependency-graph',
  scorecards: 'scorecards',
  ingestion: 'ingestion',
};

function matchCatalog([first, namespace, name, ...rest]: string[]): Route {
  if (first === undefined) return { page: 'catalog', id: '' };
  const list = CATALOG_LISTS[first];
  if (namespace === undefined) return list ? { page: list, id: '' } : { page: 'missing' };
  // Pages of documentation link to each other by path.
  if (name === undefined || (rest.length > 0 && rest[0] !== 'docs')) return { page: 'missing' };
  return { page: 'entity', id: `${first}:${namespace}/${name}` };
}

function matchCreate([namespace, name, ...rest]: string[]): Route {
  if (namespace === undefined) return { page: 'create', id: '' };
  if (name === undefined || rest.length > 0) return { page: 'missing' };
  return { page: 'template', id: `template:${namespace}/${name}` };
}

const EVAL_LISTS: Record<string, EvalPage> = {
  compare: 'compare',
  sets: 'sets',
  evaluators: 'evaluators',
  monitors: 'monitors',
  labels: 'labels',
  baselines: 'baselines',
  plan: 'plan',
};
const EVAL_DETAILS: Record<string, EvalPage> = {
  experiments: 'experiment',
  sets: 'set',
  monitors: 'monitor',
  baselines: 'baseline',
};

function matchEvaluation([list, id, ...rest]: string[]): Route {
  if (list === undefined) return { page: 'experiments', id: '' };
  const page = id === undefined ? EVAL_LISTS[list] : EVAL_DETAILS[list];
  return page && rest.length === 0 ? { page, id: id ?? '' } : { page: 'missing' };
}

export const boundaryPath = (name: string): string => `/boundaries/${encodeURIComponent(name)}`;
export const toolServerPath = (name: string): string => `/tools/${encodeURIComponent(name)}`;
export const approvalPath = (id: string): string => `/approvals?id=${encodeURIComponent(id)}`;
export const decisionPath = (id: string): string => `/decisions?decision=${encodeURIComponent(id)}`;
export const experimentPath = (id: string): string => `/evaluations/experiments/${encodeURIComponent(id)}`;
export const evalSetPath = (name: string): string => `/evaluations/sets/${encodeURIComponent(name)}`;
export const monitorPath = (id: string): string => `/evaluations/monitors/${encodeURIComponent(id)}`;
export const baselinePath = (name: string): string => `/evaluations/baselines/${encodeURIComponent(name)}`;
export const templatePath = (namespace: string, name: string): string =>
  `/create/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
export const runPath = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;
export const agentPath = (agent: string): string => `/agents/${encodeURIComponent(agent)}`;
export const modelPath = (model: string): string => `/models/${encodeURIComponent(model)}`;

/** The parts of a reference `kind:namespace/name`. A name may hold anything but a slash. */
export function splitReference(reference: string): { kind: string; namespace: string; name: string } {
  const colon = reference.indexOf(':');
  const slash = reference.indexOf('/', colon + 1);
  return {
    kind: reference.slice(0, colon),
    namespace: reference.slice(colon + 1, slash),
    name: reference.slice(slash + 1),
  };
}

export function entityPath(reference: string, tab?: string): string {
  const { kind, namespace, name } = splitReference(reference);
  const path = `/catalog/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;
  return tab ? `${path}?tab=${encodeURIComponent(tab)}` : path;
}

/** The query text with `changes` applied: `null` removes a name. Without a leading `?`. */
export function changeQuery(query: string, changes: Record<string, string | null>): string {
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) parameters.delete(name);
    else parameters.set(name, value);
  }
  return parameters.toString();
}

/** A broken escape in an address somebody typed is taken as it stands. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
