// The permission part of the stand-in server.
import {
  YAML,
  approvals,
  auditLog,
  boundaries,
  budgets,
  cedarOf,
  cedarPolicies,
  decisionDetail,
  decisions,
  toolProfiles,
  toolServers,
} from './fixtures/permission.mjs';
import { refused, unknown } from './refusals.mjs';

export function permissionState(now, empty) {
  const made = empty ? [] : decisions(now, 130);
  return {
    approvals: empty ? [] : approvals(now),
    boundaries: empty ? [] : boundaries(now),
    policies: empty ? [] : cedarPolicies(now),
    folder: empty ? null : { path: 'policies', stale: false, since: null, problems: [] },
    decisions: made,
    servers: empty ? [] : toolServers(now),
    profiles: empty ? [] : toolProfiles(now),
    budgets: empty ? [] : budgets(now),
    pauses: [],
    log: auditLog(now, made),
    /** Changes the first letter of every text, as somebody who rewrites history would. */
    tampered: false,
  };
}

/** Undefined where the path is none of permission. */
export function permissionRoute(whole, method, [first, id, part, inner, last], query, body, text) {
  const state = whole.permission;
  switch (first) {
    case 'approvals':
      return approvalRoute(whole, method, id, part, query, body);
    case 'boundaries':
      return policyRoute(state, state.boundaries, method, id, part, query, body, text);
    case 'policies':
      if (method === 'POST') return id === 'check' ? check(body) : impact(state, body);
      return policyRoute(state, state.policies, method, id, part, query, body, text);
    case 'decisions':
      return decisionRoute(state, id, query);
    case 'tool-servers':
      return serverRoute(state, method, id, part, inner, last, body);
    case 'tool-profiles':
      return profileRoute(state, method, id, body);
    case 'budgets':
      return budgetRoute(state, method, id, body);
    case 'pauses':
      return pauseRoute(whole, method, id, body);
    case 'audit':
      return auditRoute(state, id, part, inner, query);
    default:
      return undefined;
  }
}

/** A cursor names the last row that was sent, so that rows which come meanwhile move nothing. */
function page(all, query) {
  const key = ({ id, index, name }) => String(id ?? index ?? name);
  const cursor = query.get('cursor');
  const from = cursor === null ? 0 : all.findIndex((one) => key(one) === cursor) + 1;
  const limit = Number(query.get('limit') ?? 50);
  const items = all.slice(from, from + limit);
  return { items, next_cursor: from + limit < all.length ? key(items.at(-1)) : null };
}

function announce(whole, name) {
  for (const stream of whole.streams) stream.write(`event: ${name}\ndata: {}\n\n`);
}

function approvalRoute(whole, method, id, part, query, body) {
  const state = whole.permission;
  if (id === undefined) {
    const wanted = query.get('state');
    return page(
      state.approvals.filter((one) => !wanted || one.state === wanted),
      query,
    );
  }
  const found = state.approvals.find((one) => one.id === id);
  if (!found) return unknown('approval', id);
  if (method !== 'POST') return { ...found, history: historyOf(state, found) };
  if (whole.role !== 'approver' && whole.role !== 'administrator')
    return refused(403, 'role', 'this needs an approver');
  if (found.state !== 'waiting')
    return refused(409, 'already_decided', `${found.decided_by} was first: ${found.state}`);
  Object.assign(found, {
    state: part === 'approve' ? 'approved' : 'denied',
    decided_at: new Date().toISOString(),
    decided_by: 'admin',
    decision_reason: body.reason ?? null,
  });
  announce(whole, 'approval');
  return found;
}

/** The last ten decisions of its run before it was held; of its key where it is in no run. */
const historyOf = (state, { run_id: run, agent, created_at: held }) =>
  state.decisions
    .filter((one) => one.run_id === run && (run || one.agent === agent) && one.at < held)
    .slice(0, 10)
    .map(({ id, at, caller, action, resource, effect, enforced, code, reason }) => ({
      ...{ decision_id: id, at, caller, action, resource, effect, enforced, code, reason },
      ...{ arguments: null, arguments_shown: 'hidden' },
    }));

function policyRoute(state, all, method, name, part, query, body, text) {
  const item = ({ text: _, cedar: __, history: ___, ...rest }) => rest;
  const set = `sha256:${'9'.repeat(64)}`;
  if (name === undefined)
    return { policy_set: set, unnamed: 'observe', folder: state.folder, problems: [], items: all.map(item) };
  let found = all.find((one) => one.name === name);
  if (method === 'GET') return found ?? unknown('boundary', name);
  if (method === 'DELETE') {
    all.splice(all.indexOf(found), 1);
    return {};
  }
  const next = part === 'mode' ? found.text.replace(/^  mode: .*/m, `  mode: ${body.mode}`) : text;
  const problems = problemsOf(`${name}.yaml`, next);
  if (problems.length > 0) return refused(422, 'policy_invalid', 'the boundary does not compile', problems);
  const result = found ? 'updated' : 'created';
  if (!found) {
    found = { ...boundaries(Date.now())[0], name, history: [], version: 0 };
    all.push(found);
  }
  const version = (found.version ?? 0) + 1;
  const made = {
    version,
    digest: `sha256:${String(version).padStart(64, 'b')}`,
    state: 'current',
    changed_by: 'admin',
    changed_at: new Date().toISOString(),
    reason: query.get('reason') ?? body?.reason ?? null,
  };
  Object.assign(found, made, {
    text: next,
    cedar: cedarOf(name, next),
    mode: /^  mode: (\w+)/m.exec(next)?.[1] ?? 'observe',
    agents: [/^  agents: \[(\S+)\]/m.exec(next)?.[1] ?? name],
    history: [{ ...made, text: next }, ...found.history.map((one) => ({ ...one, state: 'replaced' }))],
  });
  delete found.state;
  return { result, name, digest: found.digest, version, policy_set: set };
}

const KNOWN = ['mode', 'agents', 'teams', 'models', 'tools', 'hosts', 'budgets', 'deny', 'name'];

function problemsOf(source, text) {
  return text.split('\n').flatMap((line, index) => {
    const key = /^  ([a-z_]+):/.exec(line)?.[1];
    if (!key || KNOWN.includes(key)) return [];
    const message = `unknown field \`${key}\`; did you mean \`${KNOWN.find((one) => one[0] === key[0]) ?? 'tools'}\`?`;
    return [{ source, line: index + 1, column: 3, severity: 'error', message }];
  });
}

function check({ files: [file] }) {
  const problems = file.name.endsWith('.yaml') ? problemsOf(file.name, file.text) : [];
  const name = file.name.replace(/\.\w+$/, '');
  const objects = [{ kind: 'boundary', name, digest: 'sha256:0', cedar: cedarOf(name, file.text) }];
  return { valid: problems.length === 0, problems, policy_set: null, objects: problems.length === 0 ? objects : [] };
}

function impact(state, { files: [file] }) {
  const denied = state.decisions.filter((one) => one.effect !== 'allow' && !one.enforced);
  const isSame = file.text === YAML;
  const groups = ['tool:shop/delete_customer', 'tool:shop/refund_order'].map((resource) => {
    const of = denied.filter((one) => one.resource === resource);
    const [first] = of;
    return {
      agent: first.agent,
      action: 'tools:call',
      resource,
      was: { effect: first.effect, enforced: false },
      would_be: { effect: first.effect, enforced: true },
      count: of.length,
      example: {
        decision_id: first.id,
        at: first.at,
        run_id: first.run_id,
        reason: first.reason,
        reason_then: first.reason,
        policies: first.policies,
      },
    };
  });
  return {
    since: state.decisions.at(-1)?.at,
    as_enforced: [],
    examined: state.decisions.length,
    replayed: state.decisions.length - 4,
    not_replayed: 4,
    not_replayed_reasons: { arguments_not_kept: 4 },
    changed: isSame ? 0 : groups.reduce((sum, { count }) => sum + count, 0),
    already_different: 0,
    groups: isSame ? [] : groups,
    groups_more: 0,
    truncated: false,
  };
}

function decisionRoute(state, id, query) {
  if (id !== undefined) {
    const found = state.decisions.find((one) => one.id === id);
    return found ? decisionDetail(found) : unknown('decision', id);
  }
  const wants = (name, of) => !query.get(name) || of(query.get(name));
  return page(
    state.decisions.filter(
      (one) =>
        wants('agent', (agent) => one.agent === agent) &&
        wants('effect', (effect) => one.effect === effect) &&
        wants('action', (action) => one.action === action) &&
        wants('enforced', (enforced) => String(one.enforced) === enforced) &&
        wants('resource', (resource) => one.resource.startsWith(resource.replace(/\*$/, ''))) &&
        wants('since', (since) => one.at >= since),
    ),
    query,
  );
}

function serverRoute(state, method, name, part, tool, last, body) {
  const item = ({ definitions: _, stderr: __, ...rest }) => rest;
  const whole = (server) => ({
    server: item(server),
    config: {},
    stderr: server.stderr,
    definitions: server.definitions,
  });
  if (name === undefined) return { items: state.servers.map(item) };
  const found = state.servers.find((one) => one.name === name);
  if (method === 'PUT') {
    const made = {
      ...toolServers(Date.now())[2],
      name,
      state: 'connecting',
      fault: null,
      transport: body.transport.kind,
      target: body.transport.url ?? [body.transport.command, ...body.transport.args].join(' '),
    };
    state.servers.push(made);
    return item(made);
  }
  if (!found) return unknown('tool server', name);
  if (method === 'DELETE' && part === undefined) {
    state.servers = state.servers.filter((one) => one !== found);
    return {};
  }
  if (last !== 'pin') return whole(found);
  const definition = found.definitions.find((one) => one.tool === tool);
  if (method === 'POST' && body.digest !== definition.digest)
    return refused(409, 'definition_changed', 'the definition changed while you looked at it');
  Object.assign(
    definition,
    method === 'POST'
      ? {
          state: 'pinned',
          withheld: null,
          pinned: definition.current,
          changes: [],
          pin: { digest: body.digest, approved_by: 'admin', approved_at: new Date().toISOString() },
        }
      : { state: 'withheld', withheld: { reason: 'unapproved', detail: 'approval was withdrawn' }, pin: null },
  );
  found.withheld = found.definitions.filter((one) => one.state === 'withheld').length;
  return definition;
}

function profileRoute(state, method, name, body) {
  if (method !== 'GET') state.profiles = state.profiles.filter((one) => one.name !== name);
  if (method === 'PUT')
    state.profiles.push({ name, source: 'stored', path: `/mcp/${name}`, updated_at: null, ...body });
  return { items: state.profiles };
}

function budgetRoute(state, method, name, body) {
  if (method === 'DELETE') state.budgets = state.budgets.filter((one) => one.name !== name);
  if (method === 'PUT') {
    const before = state.budgets.find((one) => one.name === name);
    const made = {
      accounts: [],
      accounts_more: 0,
      ...before,
      ...body,
      name,
      origin: 'set',
      set_by: 'admin',
      set_at: null,
    };
    state.budgets = [...state.budgets.filter((one) => one !== before), made];
    return made;
  }
  return { items: state.budgets };
}

function pauseRoute(whole, method, id, body) {
  const state = whole.permission;
  if (method === 'GET') return { items: state.pauses };
  if (method === 'POST')
    state.pauses.push({ id: `pau_${state.pauses.length}`, ...body, by: 'admin', at: new Date().toISOString() });
  else state.pauses = state.pauses.filter((one) => one.id !== id);
  announce(whole, 'pause');
  return {};
}

function auditRoute(state, what, id, part, query) {
  const { log } = state;
  if (what === 'key') return { origin: log.checkpoint().origin, key: log.key };
  if (what === 'checkpoint') {
    const { origin, size, root, note } = log.checkpoint();
    const signed = new Date().toISOString();
    const witness = {
      name: 'witness.example/w1',
      url: 'https://witness.example',
      cosigned_size: size - 3,
      cosigned_at: signed,
      error: null,
    };
    return {
      origin,
      size,
      root,
      note,
      witnesses: [witness],
      log: { state: 'works', message: null, durable_size: size, pruned_below: 0 },
    };
  }
  const items = log.texts.map((text, index) => ({ index, entry: JSON.parse(text) })).reverse();
  if (id !== undefined) {
    const index = Number(id);
    if (!log.texts[index]) return unknown('entry', id);
    const text = state.tampered ? log.texts[index].replace('"v":1', '"v":2') : log.texts[index];
    const proof = log.proof(index);
    return part === 'proof'
      ? proof
      : { ...items.at(-1 - index), pruned: false, text, leaf_hash: proof.leaf_hash, proof };
  }
  const wants = (name, of) => !query.get(name) || of(query.get(name));
  const found = items.filter(
    ({ entry }) =>
      wants('kind', (kind) => entry.kind === kind) &&
      wants('effect', (effect) => entry.effect === effect) &&
      wants('resource', (resource) => entry.resource?.includes(resource)),
  );
  return { ...page(found, query), size: log.texts.length };
}
