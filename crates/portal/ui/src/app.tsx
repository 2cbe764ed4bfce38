import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { getAhead, signedOut } from './api/client';
import { query, route } from './location';
import { firstReads } from './pages/run/paths';
import type { Route } from './router';
import { Help } from './shell/help';
import { Nav } from './shell/nav';
import { announcement } from './shell/overlays';
import { Paused } from './shell/paused';
import { Palette } from './shell/palette';
import { SignIn } from './shell/sign-in';
import { pageCame, Unloaded } from './shell/unloaded';
import HomePage from './pages/home/page';
import RunsPage from './pages/runs/page';
import { PageHead } from './ui/page-head';
import { Empty, Waiting } from './ui/waiting';

type Page = ComponentType<{ id: string }>;
type Loader = () => Promise<{ default: Page }>;

/** Home and Runs come with the first load; the others when first opened, or when the browser is idle. */
const later: Partial<Record<Route['page'], Loader>> = {
  run: () => import('./pages/run/page'),
  agents: () => import('./pages/agents/page'),
  agent: () => import('./pages/agents/agent'),
  models: () => import('./pages/models/page'),
  model: () => import('./pages/models/model'),
  catalog: () => import('./pages/catalog/page'),
  entity: () => import('./pages/catalog/entity'),
  reviews: () => import('./pages/reviews/page'),
  sql: () => import('./pages/sql/page'),
  settings: () => import('./pages/settings/page'),
  experiments: () => import('./pages/eval/experiments'),
  experiment: () => import('./pages/eval/experiment'),
  compare: () => import('./pages/eval/compare'),
  sets: () => import('./pages/eval/sets'),
  set: () => import('./pages/eval/set'),
  evaluators: () => import('./pages/eval/evaluators'),
  monitors: () => import('./pages/eval/monitors'),
  monitor: () => import('./pages/eval/monitor'),
  labels: () => import('./pages/eval/labels'),
  baselines: () => import('./pages/eval/baselines'),
  baseline: () => import('./pages/eval/baseline'),
  plan: () => import('./pages/eval/plan'),
  approvals: () => import('./pages/approvals/page'),
  boundaries: () => import('./pages/boundaries/page'),
  boundary: () => import('./pages/boundaries/boundary'),
  decisions: () => import('./pages/decisions/page'),
  tools: () => import('./pages/tools/page'),
  'tool-server': () => import('./pages/tools/server'),
  budgets: () => import('./pages/budgets/page'),
  audit: () => import('./pages/audit/page'),
  'dependency-graph': () => import('./pages/graph/page'),
  scorecards: () => import('./pages/scorecards/page'),
  ingestion: () => import('./pages/ingestion/page'),
  create: () => import('./pages/create/page'),
  template: () => import('./pages/create/template'),
};
const loaded: Partial<Record<Route['page'], Page>> = { home: HomePage, runs: RunsPage };

/** The page that was opened and whose code did not come; one that was only fetched ahead is asked for again. */
const unloaded = signal<Route['page'] | null>(null);

async function load(page: Route['page']): Promise<void> {
  try {
    const found = await later[page]?.();
    if (found) loaded[page] = found.default;
  } catch (cause) {
    console.warn(cause);
    if (page === route.peek().page) unloaded.value = page;
  }
}

/** Asks for the code of the page that was opened, and for what it reads first, before anything is drawn. */
export function loadFirst(): void {
  const opened = route.peek();
  void load(opened.page);
  if (opened.page === 'run') firstReads(opened.runId, query.peek()).forEach(getAhead);
}

/** Fetches what is likely opened next, when nothing else is to do. */
export function loadWhenIdle(): void {
  const idle = window.requestIdleCallback ?? ((then: () => void) => window.setTimeout(then, 1_000));
  idle(() => void load('run'), { timeout: 4_000 });
}

export function App() {
  if (signedOut.value) return <SignIn />;
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Nav />
      <Paused />
      <main id="main" tabIndex={-1}>
        <CurrentPage />
      </main>
      <Palette />
      <Help />
      <div class="hidden" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

function CurrentPage() {
  const current = route.value;
  const [, rerender] = useState(0);
  const page = current.page;
  const Body = loaded[page];
  useEffect(() => {
    if (!Body) void load(page).then(() => rerender((count) => count + 1));
  }, [page]);
  useEffect(() => {
    if (Body) pageCame();
  }, [Body]);
  if (page === 'missing') {
    return (
      <>
        <PageHead title="Not found" />
        <Empty title="There is no such page">
          <p>
            <a href="/">Home</a> or press <kbd>?</kbd> for the keys.
          </p>
        </Empty>
      </>
    );
  }
  const id = subject(current);
  if (Body) return <Body key={`${page}:${id}`} id={id} />;
  return unloaded.value === page ? <Unloaded key={page} /> : <Waiting rows={10} />;
}

/** What the page is about, where it is about one thing. */
function subject(current: Route): string {
  if (current.page === 'run') return current.runId;
  if (current.page === 'agent') return current.agent;
  if (current.page === 'model') return current.model;
  return 'id' in current ? current.id : '';
}
