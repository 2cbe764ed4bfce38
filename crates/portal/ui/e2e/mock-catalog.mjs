// The catalog part of the stand-in server.
import { detail, graph, items, reviews, scorecard, summary, versions } from './fixtures/catalog.mjs';
import { refused } from './refusals.mjs';

export function catalogState(now, empty) {
  return {
    now,
    items: empty ? [] : items(now),
    versions: new Map([['component:default/order-support', versions(now)]]),
    reviews: empty ? [] : reviews(now),
    /** What somebody else decides before the next answer arrives. */
    conflict: null,
  };
}

/** Undefined where the path is none of the catalog's lists and entities. */
export function catalogRoute(whole, method, segments, query, body, text) {
  const state = whole.catalog;
  const [first, part, kind, namespace, name, sub, tag, action] = segments;
  if (first !== 'catalog') return undefined;
  switch (part) {
    case 'entities':
      return kind === undefined
        ? list(state, query)
        : entityRoute(state, method, `${kind}:${namespace}/${name}`, sub, tag, action, body);
    case 'facets':
      return facets(state, query);
    case 'search':
      return search(state, query.get('q') ?? '');
    case 'reviews':
      return { items: state.reviews, total: state.reviews.length, next_cursor: null };
    case 'apply':
      return apply(state, text);
    default:
      return undefined;
  }
}

const FIELDS = {
  class: (one) => one.class,
  type: (one) => one.type,
  owner: (one) => one.owner ?? 'none',
  lifecycle: (one) => one.lifecycle,
  state: (one) => one.version?.state,
  level: (one) => (one.level === null ? undefined : String(one.level)),
  origin: (one) => one.origin,
  system: (one) => one.system,
  tag: (one) => one.tags[0],
  namespace: (one) => one.namespace,
  problems: (one) => String(one.problems > 0),
};

function matching({ items: all }, query) {
  const text = (query.get('q') ?? '').toLowerCase();
  return all.filter(
    (one) =>
      (query.getAll('filter').length === 0 ||
        query.getAll('filter').some((filter) => filter === `metadata.name=${one.name}`)) &&
      Object.entries(FIELDS).every(([name, read]) => !query.get(name) || read(one) === query.get(name)) &&
      (!text || `${one.title} ${one.name} ${one.description}`.toLowerCase().includes(text)),
  );
}

const ORDER = {
  name: (one) => one.title.toLowerCase(),
  class: FIELDS.class,
  type: FIELDS.type,
  owner: FIELDS.owner,
  lifecycle: FIELDS.lifecycle,
  state: FIELDS.state,
  level: (one) => one.level ?? -1,
  last_seen: (one) => one.last_seen ?? '',
};

function list(state, query) {
  const sort = query.get('sort') ?? 'name';
  const down = sort.startsWith('-');
  const key = ORDER[sort.replace('-', '')];
  if (!key) return refused(400, 'invalid_query', `unknown order \`${sort}\``);
  const found = matching(state, query).sort((a, b) => {
    const [left, right] = [key(a) ?? '', key(b) ?? ''];
    return (left < right ? -1 : left > right ? 1 : a.ref.localeCompare(b.ref)) * (down ? -1 : 1);
  });
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return {
    items: found.slice(from, from + limit),
    total: found.length,
    next_cursor: from + limit < found.length ? String(from + limit) : null,
    previous_cursor: null,
  };
}

function facets(state, query) {
  const found = matching(state, query);
  const counted = (name) => {
    const counts = new Map();
    for (const one of found) {
      const value = FIELDS[name]?.(one);
      if (value !== undefined && value !== null && value !== 'none') counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
  };
  return {
    total: found.length,
    facets: Object.fromEntries(query.getAll('facet').map((name) => [name, counted(name)])),
  };
}

function search({ items: all }, text) {
  const wanted = text.toLowerCase();
  const found = wanted ? all.filter((one) => `${one.title} ${one.description}`.toLowerCase().includes(wanted)) : [];
  return {
    items: found.slice(0, 8).map(({ ref, class: name, title, kind, type, description }) => ({
      ref,
      class: name,
      title,
      kind,
      type,
      snippet: description ?? '',
      place: 'entity',
      path: null,
    })),
  };
}

function entityRoute(state, method, reference, part, tag, action, body) {
  const one = state.items.find(({ ref }) => ref === reference);
  if (!one) return refused(404, 'not_found', `there is no \`${reference}\``);
  if (method === 'DELETE') {
    state.items = state.items.filter(({ ref }) => ref !== reference);
    return {};
  }
  switch (part) {
    case undefined:
      return detail(state.now, one);
    case 'summary':
      return summary(state.now, one);
    case 'graph':
      return graph(one);
    case 'scorecard':
      return scorecard(state.now, reference);
    case 'versions':
      return tag === undefined
        ? { items: state.versions.get(reference) ?? [], next_cursor: null }
        : decide(state, reference, tag, action, body);
    default:
      return undefined;
  }
}

const BECOMES = {
  submit: 'pending',
  approve: 'approved',
  reject: 'rejected',
  deprecate: 'deprecated',
  retire: 'retired',
};

function decide(state, reference, tag, action, { digest, reason }) {
  const version = state.versions.get(reference)?.find((one) => one.tag === tag);
  if (!version || !BECOMES[action]) return refused(404, 'not_found', `there is no version \`${tag}\``);
  if (state.conflict) {
    const message = state.conflict;
    state.conflict = null;
    return refused(409, 'conflict', message);
  }
  if (digest !== version.digest) return refused(409, 'conflict', `\`${tag}\` is another content by now`);
  if (action === 'reject' && !reason) return refused(400, 'invalid', 'a rejection needs a reason');
  version.state = BECOMES[action];
  version.history.push({ to: version.state, by: 'admin', at: new Date().toISOString(), reason });
  state.reviews = state.reviews.filter((one) => one.ref !== reference || one.tag !== tag);
  for (const one of state.items) if (one.version?.digest === digest) one.version.state = version.state;
  return version;
}

function apply(state, text) {
  const line = text.split('\n').findIndex((one) => one.includes('lifecyle')) + 1;
  if (line > 0) {
    return [
      {
        source: 'portal',
        line,
        ref: null,
        result: 'rejected',
        error: `portal:${line}:3: unknown field \`lifecyle\``,
        problems: [
          { source: 'portal', line, column: 3, message: 'unknown field `lifecyle`; did you mean `lifecycle`?' },
        ],
        warnings: [],
      },
    ];
  }
  const name = /^ {2}name: (.+)$/m.exec(text)?.[1] ?? 'x';
  return [
    {
      source: 'portal',
      line: 1,
      ref: `component:default/${name}`,
      result: 'updated',
      error: null,
      problems: [],
      warnings: [],
    },
  ];
}
