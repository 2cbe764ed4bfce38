// A stand-in for the server, for work on the UI without Rust: same addresses, same shapes, same headers.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { largeRun } from './fixtures/large-run.mjs';
import { orderRun } from './fixtures/order-run.mjs';
import { seeded } from './fixtures/random.mjs';
import { manyRuns, oneRun } from './fixtures/runs.mjs';
import { agents, models, overview } from './fixtures/totals.mjs';
import { catalogRoute, catalogState } from './mock-catalog.mjs';
import { evalRoute, evalState, labelRoute } from './mock-eval.mjs';
import { goldenRoute, goldenState } from './mock-golden-paths.mjs';
import { permissionRoute, permissionState } from './mock-permission.mjs';

const DIST = new URL('../dist', import.meta.url).pathname;
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const CSP = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";
export const TOKEN = 'mock-token';

/** Starts on a free port. `empty` has no runs; `liveMs` is the time between new runs, 0 for none. */
export async function startMock({ empty = false, liveMs = 0, port = 0 } = {}) {
  const now = Date.now();
  const full = empty ? [] : [orderRun(now), largeRun(now)];
  const state = {
    runs: empty ? [] : [full[0].summary, ...manyRuns(now, 420), full[1].summary].sort(newestFirst),
    full: new Map(full.map((run) => [run.summary.run_id, run])),
    keys: empty ? [] : keys(now),
    providers: empty ? [] : providers(now),
    eval: evalState(now, empty),
    permission: permissionState(now, empty),
    catalog: catalogState(now, empty),
    golden: goldenState(now, empty),
    role: 'administrator',
    signInWith: [],
    streams: new Set(),
  };
  const server = createServer((request, response) => void answer(state, request, response));
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
  const random = seeded(99);
  const timer =
    liveMs > 0
      ? setInterval(
          () => publish(state, oneRun(random, ['order-support', 'researcher', 'release-notes'], Date.now(), 9_000)),
          liveMs,
        )
      : null;
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    token: TOKEN,
    state,
    publish: (change = {}) => publish(state, { ...oneRun(random, ['order-support'], Date.now(), 9_001), ...change }),
    stop: () => {
      clearInterval(timer);
      server.closeAllConnections();
      server.close();
    },
  };
}

const newestFirst = (a, b) => (a.started_at < b.started_at ? 1 : -1);
const keys = (now) => [
  {
    id: 'k1',
    name: 'order-support-staging',
    agent: 'order-support',
    run_id: null,
    created_at: new Date(now - 9e8).toISOString(),
    expires_at: new Date(now + 18e8).toISOString(),
    last_four: '9f2c',
  },
];
const providers = (now) => [
  { name: 'openai', origin: 'stored', created_at: new Date(now - 9e8).toISOString(), fault: null },
  { name: 'anthropic', origin: 'env:ANTHROPIC_API_KEY', created_at: new Date(now).toISOString(), fault: null },
];

function publish(state, run) {
  state.runs = [run, ...state.runs.filter((one) => one.run_id !== run.run_id)];
  for (const stream of state.streams) stream.write(`event: run\ndata: ${JSON.stringify(run)}\n\n`);
  return run;
}

async function answer(state, request, response) {
  const url = new URL(request.url, 'http://mock');
  response.setHeader('content-security-policy', CSP);
  if (!url.pathname.startsWith('/api/')) return file(url.pathname, response);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const isText = request.headers['content-type']?.startsWith('text/plain');
  const body = text !== '' && !isText ? JSON.parse(text) : {};
  const path = url.pathname.slice('/api/v1'.length);
  const json = (value, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(value));
  };
  const fail = (status, code, message, problems) => json({ error: { code, message, problems } }, status);
  if (path === '/session/providers') return json({ items: state.signInWith });
  if (path === '/session' && request.method === 'POST') {
    if (body.token !== TOKEN)
      return fail(401, 'wrong_token', 'this token is not valid; it is in the file `admin-token` of the data folder');
    response.setHeader('set-cookie', 'mizzen_session=mock; HttpOnly; SameSite=Strict; Path=/');
    return json({ role: state.role, name: 'admin' });
  }
  if (!request.headers.cookie?.includes('mizzen_session=mock')) return fail(401, 'signed_out', 'sign in first');
  if (path === '/session' && request.method === 'DELETE')
    response.setHeader('set-cookie', 'mizzen_session=; Max-Age=0; Path=/');
  if (path === '/events') return events(state, request, response);
  const result = route(state, request.method, path, url.searchParams, body, text);
  return result === undefined
    ? fail(404, 'not_found', `there is no \`${path}\``)
    : result.refused
      ? fail(result.refused.status, result.refused.code, result.refused.message, result.refused.problems)
      : result.error
        ? fail(400, 'invalid_query', result.error)
        : json(result);
}

function events(state, request, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': hello\n\n');
  state.streams.add(response);
  request.on('close', () => state.streams.delete(response));
}

function route(state, method, path, query, body, text) {
  const segments = path.split('/').slice(1).map(decodeURIComponent);
  const [first, id, part, inner, last] = segments;
  switch (first) {
    case 'session':
      return { role: state.role, name: 'admin' };
    case 'about':
      return { version: '0.1.0', otlp_http: 'http://127.0.0.1:4318', otlp_grpc: 'http://127.0.0.1:4317' };
    case 'import':
      return { spans: 96, rejected: 0, runs: ['run_order_1042'], message: '' };
    case 'overview':
      return overview(state.runs, Date.now(), { providers: state.providers, keys: state.keys.length });
    case 'agents':
      return { items: agents(state.runs) };
    case 'models':
      return { items: models(state.runs) };
    case 'query':
      return sql(state, body.sql);
    case 'keys':
      return changeKeys(state, method, id, body);
    case 'providers':
      return changeProviders(state, method, id, body);
    case 'runs':
      if (part === 'labels') return labelRoute(state, method, id, inner, body);
      return id === undefined ? list(state, query) : run(state, method, id, part, inner, query);
    default:
      return (
        goldenRoute(state, method, segments, query, body) ??
        catalogRoute(state, method, segments, query, body, text) ??
        permissionRoute(state, method, [first, id, part, inner, last], query, body, text) ??
        evalRoute(state, method, [first, id, part, inner], query, body)
      );
  }
}

function list({ runs }, query) {
  const wants = (name, of) => !query.get(name) || of(query.get(name));
  const found = runs.filter(
    (run) =>
      wants('agent', (agent) => run.agent === agent) &&
      wants('model', (model) => run.models.includes(model)) &&
      wants('outcome', (outcome) => run.outcome === outcome) &&
      wants('session', (session) => run.session === session) &&
      wants('q', (text) =>
        `${run.title} ${run.error_message} ${run.run_id}`.toLowerCase().includes(text.toLowerCase()),
      ) &&
      wants('from', (from) => run.started_at >= from),
  );
  return page(found, query, 'items');
}

function page(all, query, name) {
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return {
    [name]: all.slice(from, from + limit),
    next_cursor: from + limit < all.length ? String(from + limit) : null,
  };
}

function run(state, method, id, part, inner, query) {
  const known = state.full.get(id) ?? plain(state.runs.find((one) => one.run_id === id));
  if (!known) return undefined;
  if (method === 'DELETE') {
    state.runs = state.runs.filter((one) => one.run_id !== id);
    return {};
  }
  const spans =
    known.spans ??
    known.steps.map((step) => ({
      ...step,
      parent_span_id: step.parent_step,
      kind: 'internal',
      step: step.kind,
      service: 'support-api',
    }));
  switch (part) {
    case undefined:
      return {
        summary: known.summary,
        steps: known.steps,
        first_error: known.first_error,
        steps_total: known.steps.length,
        truncated: false,
      };
    case 'story':
      return page(known.story, query, 'entries');
    case 'graph':
      return known.graph;
    case 'spans':
      return inner === undefined
        ? { ...page(spans, query, 'items'), total: spans.length }
        : detail(
            known,
            spans.find((span) => span.span_id === inner),
          );
    default:
      return undefined;
  }
}

const plain = (summary) =>
  summary && {
    summary,
    steps: [],
    story: [],
    content: {},
    graph: { width: 0, height: 0, nodes: [], edges: [] },
    first_error: null,
  };

function detail(known, span) {
  if (!span) return undefined;
  return {
    started_at: known.summary.started_at,
    sampling_fraction: 1,
    run_id: known.summary.run_id,
    status_message: span.error_message ?? '',
    ...span,
    attributes: {
      'gen_ai.operation.name': span.step === 'model_call' ? 'chat' : 'execute_tool',
      'gen_ai.agent.name': known.summary.agent,
      'gen_ai.request.temperature': 0.2,
      'server.address': '127.0.0.1',
      'server.port': 7600,
    },
    events:
      span.outcome === 'error'
        ? [
            {
              name: 'exception',
              time: known.summary.started_at,
              attributes: { 'exception.type': 'TimeoutError', 'exception.message': span.error_message },
            },
          ]
        : [],
    links: [],
    resource: { 'service.name': 'support-api', 'service.version': '4.12.0', 'telemetry.sdk.language': 'python' },
    scope: { name: 'opentelemetry.instrumentation.openai_v2', version: '2.3' },
    content: known.content[span.span_id] ?? { input: [], output: [] },
  };
}

function sql(state, text) {
  if (!/^\s*(select|with|explain)/i.test(text)) return { error: 'only SELECT, WITH and EXPLAIN may be run here' };
  const columns = [
    ['run_id', 'Utf8'],
    ['agent', 'Utf8'],
    ['status', 'Utf8'],
    ['duration_ms', 'Float64'],
    ['cost_usd', 'Float64'],
  ].map(([name, type]) => ({ name, type }));
  return {
    columns,
    rows: state.runs
      .slice(0, 20)
      .map((one) => [one.run_id, one.agent, one.outcome, one.duration_ns / 1e6, one.cost_usd]),
    truncated: true,
    elapsed_ms: 12,
  };
}

function changeKeys(state, method, id, body) {
  if (method === 'POST') {
    const info = {
      id: `k${state.keys.length + 1}`,
      name: body.name,
      agent: body.agent ?? null,
      run_id: null,
      created_at: new Date().toISOString(),
      expires_at: body.ttl_seconds ? new Date(Date.now() + body.ttl_seconds * 1000).toISOString() : null,
      last_four: 'a1b2',
    };
    state.keys.unshift(info);
    return { key: 'mzk_5mPq7vKc2Jt0aR8yXw4LhN9sGfEdTzBu_a1b2', info };
  }
  if (method === 'DELETE') state.keys = state.keys.filter((key) => key.id !== id);
  return { items: state.keys };
}

function changeProviders(state, method, name, body) {
  if (method !== 'GET') state.providers = state.providers.filter((provider) => provider.name !== name);
  if (method === 'PUT')
    state.providers.push({
      name,
      origin: body.env ? `env:${body.env}` : 'stored',
      created_at: new Date().toISOString(),
      fault: null,
    });
  return { items: state.providers };
}

function file(path, response) {
  const asked = join(DIST, path);
  const found = path !== '/' && !path.includes('..') && existsSync(asked) ? asked : join(DIST, 'index.html');
  const compressed = existsSync(`${found}.br`);
  response.writeHead(200, {
    'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
    'cache-control': found.endsWith('index.html') ? 'no-store' : 'public, max-age=31536000, immutable',
    ...(compressed ? { 'content-encoding': 'br' } : {}),
  });
  createReadStream(compressed ? `${found}.br` : found).pipe(response);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const server = await startMock({ port: 7699, liveMs: 4_000, empty: process.argv.includes('--empty') });
  console.log(`${server.url} with the token ${server.token}`);
}
