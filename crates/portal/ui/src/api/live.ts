import { signal } from '@preact/signals';
import { signedOut } from './client';
import type { RunSummary } from './shapes';

/**
 * Runs as they change, by server-sent events. Events are gathered and handed on together, so that a storm of
 * spans repaints at most twice a second. A hidden tab hangs up: browsers allow few connections to one host.
 */

const GATHER_MS = 500;
const RETRY_MS = 5_000;

export type LiveState = 'connecting' | 'live' | 'offline';
export const liveState = signal<LiveState>('connecting');

/** What else changes: held calls, pauses, boundaries. The event says that something changed; the page reads what. */
const NEWS = ['approval', 'pause', 'boundary'] as const;
type News = (typeof NEWS)[number];
const newsListeners = new Set<(news: Set<News>) => void>();
const gatheredNews = new Set<News>();

type Listener = (runs: RunSummary[], missed: boolean) => void;
const listeners = new Set<Listener>();
const gathered = new Map<string, RunSummary>();
let missed = false;
let timer: number | undefined;
let source: EventSource | null = null;

export function onRuns(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Calls back when something of permission changed, or when news may have been missed. */
export function onNews(listener: (news: Set<News>) => void): () => void {
  newsListeners.add(listener);
  return () => newsListeners.delete(listener);
}

function flush(): void {
  timer = undefined;
  const news = new Set(missed ? NEWS : gatheredNews);
  gatheredNews.clear();
  const runs = [...gathered.values()];
  const lost = missed;
  gathered.clear();
  missed = false;
  if (runs.length > 0 || lost) for (const listener of listeners) listener(runs, lost);
  if (news.size > 0) for (const listener of newsListeners) listener(news);
}

function gather(): void {
  timer ??= window.setTimeout(flush, GATHER_MS);
}

export function connect(): void {
  if (source || document.hidden || signedOut.peek()) return;
  liveState.value = 'connecting';
  const stream = new EventSource('/api/v1/events');
  source = stream;
  stream.onopen = () => {
    liveState.value = 'live';
  };
  stream.onerror = () => {
    liveState.value = 'offline';
    // The browser retries a broken stream by itself, but gives up on a refused one.
    if (stream.readyState !== EventSource.CLOSED) return;
    disconnect();
    window.setTimeout(connect, RETRY_MS);
  };
  stream.addEventListener('run', (event) => {
    const run = JSON.parse((event as MessageEvent<string>).data) as RunSummary;
    gathered.set(run.run_id, run);
    gather();
  });
  for (const name of NEWS) {
    stream.addEventListener(name, () => {
      gatheredNews.add(name);
      gather();
    });
  }
  stream.addEventListener('lagged', () => {
    missed = true;
    gather();
  });
}

export function disconnect(): void {
  source?.close();
  source = null;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    disconnect();
    return;
  }
  connect();
  // Whatever happened meanwhile was not heard.
  missed = true;
  gather();
});
