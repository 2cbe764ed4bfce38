import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, type ApiError } from './client';

/**
 * What was read before is shown at once and read again behind it. Entries are keyed by their path; those
 * nobody watches are dropped oldest first.
 */

const ENTRIES_MAX = 80;
/** Younger answers are not asked for again when a page is reopened. */
const FRESH_MS = 2_000;

interface Entry<T> {
  data: Signal<T | undefined>;
  error: Signal<ApiError | undefined>;
  loadedAt: number;
  watchers: number;
  pending: Promise<void> | null;
}

export interface Resource<T> {
  data: ReadonlySignal<T | undefined>;
  error: ReadonlySignal<ApiError | undefined>;
  reload: () => Promise<void>;
}

/** True once anything was read: from then on the page has what it needs first. */
export const firstRead = signal(false);

const entries = new Map<string, Entry<unknown>>();

function entryOf<T>(path: string): Entry<T> {
  let entry = entries.get(path) as Entry<T> | undefined;
  if (!entry) {
    entry = {
      data: signal<T | undefined>(undefined),
      error: signal<ApiError | undefined>(undefined),
      loadedAt: 0,
      watchers: 0,
      pending: null,
    };
    entries.set(path, entry as Entry<unknown>);
    evict();
  }
  return entry;
}

function evict(): void {
  for (const [path, entry] of entries) {
    if (entries.size <= ENTRIES_MAX) return;
    if (entry.watchers === 0 && entry.loadedAt > 0) entries.delete(path);
  }
}

function load<T>(path: string, entry: Entry<T>): Promise<void> {
  entry.pending ??= get<T>(path)
    .then(
      (data) => {
        entry.data.value = data;
        entry.error.value = undefined;
      },
      (error: ApiError) => {
        entry.error.value = error;
      },
    )
    .finally(() => {
      entry.loadedAt = Date.now();
      entry.pending = null;
      firstRead.value = true;
    });
  return entry.pending;
}

/** The answer of `GET path`, kept fresh while the component is shown. */
export function useData<T>(path: string): Resource<T> {
  const entry = entryOf<T>(path);
  useEffect(() => {
    entry.watchers += 1;
    if (Date.now() - entry.loadedAt > FRESH_MS) void load(path, entry);
    return () => {
      entry.watchers -= 1;
    };
  }, [path]);
  return { data: entry.data, error: entry.error, reload: () => load(path, entry) };
}

/** Reads again what is on screen, and forgets the rest, when `stale` says so. */
export function refresh(stale: (path: string) => boolean): void {
  for (const [path, entry] of entries) {
    if (!stale(path)) continue;
    if (entry.watchers > 0) void load(path, entry);
    else entry.loadedAt = 0;
  }
}

/** Nothing of one session may be shown in the next. */
export function forgetAll(): void {
  entries.clear();
}
