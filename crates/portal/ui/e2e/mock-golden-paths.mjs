// Templates, documentation, scorecards, graph and ingestion of the stand-in server.
import {
  checks,
  created,
  docsPage,
  files,
  graph,
  impact,
  ingestion,
  made,
  scorecards,
  template,
  templates,
  update,
} from './fixtures/golden-paths.mjs';
import { refused } from './refusals.mjs';

export const goldenState = (now, empty) => ({ now, empty, ingestion: ingestion(now, empty), updated: false });

/** Undefined where the path is none of these. */
export function goldenRoute(whole, method, segments, query, body) {
  const state = whole.golden;
  const [first, part, ...rest] = segments;
  if (first !== 'catalog') return undefined;
  switch (part) {
    case 'templates':
      return templateRoute(state, method, rest, body);
    case 'created':
      if (method === 'POST') state.updated = true;
      return update();
    case 'scorecards':
      return state.empty ? { ...scorecards(state.now, query), rows: [], agents: 0 } : scorecards(state.now, query);
    case 'checks':
      return { items: checks(), facts: [] };
    case 'ingestion':
      return state.ingestion;
    case 'locations':
      return locationRoute(state, method, rest, body);
    case 'entities':
      return entityPart(state, rest, query);
    default:
      return undefined;
  }
}

function entityPart(state, [kind, namespace, name, part, ...path], query) {
  const reference = `${kind}:${namespace}/${name}`;
  if (part === 'graph') return graph(reference, query.get('depth') ?? '2', query.get('direction') ?? 'both');
  if (part === 'impact') return impact(reference);
  if (part !== 'docs') return undefined;
  return docsPage(state.now, reference, path.join('/')) ?? refused(404, 'not_found', `no page \`${path.join('/')}\``);
}

function templateRoute(state, method, [namespace, name, action], { values = {} } = {}) {
  if (namespace === undefined) return { items: state.empty ? [] : templates(), projects: true };
  const found = template(namespace, name);
  if (!found) return refused(404, 'not_found', `no template \`${name}\``);
  if (action === undefined) return found;
  if (action === 'created') return created(state.now, name, state.updated);
  if (!/^[a-z][a-z0-9-]{1,62}$/.test(values.name ?? '')) {
    const message = '`/name` must be lower-case letters, digits and dashes, for example `order-support`';
    return refused(422, 'template_failed', 'the answers do not fit', [
      { source: 'template.yaml', line: 21, column: 9, severity: 'error', message },
    ]);
  }
  return made(found, values, action === 'dry-run', files(values));
}

function locationRoute(state, method, [id, action], { type, target } = {}) {
  if (method === 'POST' && id === undefined) {
    const source = { ...state.ingestion.sources[0], id: `l${Date.now()}`, type, target, configured: false };
    const fresh = {
      ...source,
      state: 'never_read',
      last_read_at: null,
      entities: 0,
      errors: [],
      errors_total: 0,
      fault: null,
    };
    state.ingestion.sources.push(fresh);
    return { id: fresh.id };
  }
  const sources = state.ingestion.sources;
  if (method === 'DELETE') state.ingestion.sources = sources.filter((source) => source.id !== id);
  if (action === 'refresh') sources.find((source) => source.id === id).last_read_at = new Date().toISOString();
  return {};
}
