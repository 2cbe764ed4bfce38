import { computed, signal } from '@preact/signals';
import { changeQuery, match } from './router';

/** Where the portal is: the address holds all state, so that a link shows another person the same thing. */

interface Address {
  path: string;
  query: string;
}

interface Remembered {
  /** How far each of `scrollers` was scrolled. */
  tops: number[];
  focusHref: string | null;
}

const read = (): Address => ({ path: location.pathname, query: location.search.slice(1) });
export const address = signal<Address>(read());
export const route = computed(() => match(address.value.path));
export const query = computed(() => new URLSearchParams(address.value.query));

/** Scroll and focus of earlier entries, by the key in their history state. */
const remembered = new Map<number, Remembered>();
/** What pages showed more of, by the same key: Back shows it at once, so that the place to scroll to is there. */
const kept = new Map<number, Map<string, unknown>>();
const KEPT_ENTRIES_MAX = 40;
let entryKey = Date.now();
history.scrollRestoration = 'manual';
history.replaceState({ key: entryKey }, '');

/** The page, and the list that scrolls by itself where a panel stands beside it. */
const scrollers = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('#main, #main .split-list')];

function remember(): void {
  const focused = document.activeElement?.closest('a[href]')?.getAttribute('href') ?? null;
  remembered.set(entryKey, { tops: scrollers().map(({ scrollTop }) => scrollTop), focusHref: focused });
}

export function navigate(url: string, options: { replace?: boolean } = {}): void {
  const target = new URL(url, location.href);
  const samePage = target.pathname === location.pathname;
  if (options.replace) {
    history.replaceState({ key: entryKey }, '', target);
  } else {
    remember();
    const shown = samePage ? kept.get(entryKey) : undefined;
    entryKey = Date.now();
    history.pushState({ key: entryKey }, '', target);
    if (shown) keepEntry(entryKey, new Map(shown));
  }
  address.value = read();
  if (!samePage) afterRender(() => arrive());
}

/** Changes parameters of the address in place; `push` makes it a step that Back undoes. */
export function setQuery(changes: Record<string, string | null>, push = false): void {
  const text = changeQuery(address.value.query, changes);
  navigate(text ? `${location.pathname}?${text}` : location.pathname, { replace: !push });
}

/** The entry of the history that is shown now. */
export const entryHere = (): number => entryKey;

/** What was kept under `name` when this entry of the history was shown before. */
export const keptHere = (name: string): unknown => kept.get(entryKey)?.get(name);

export function keepIn(entry: number, name: string, value: unknown): void {
  keepEntry(entry, (kept.get(entry) ?? new Map<string, unknown>()).set(name, value));
}

function keepEntry(entry: number, values: Map<string, unknown>): void {
  kept.delete(entry);
  kept.set(entry, values);
  const oldest = kept.keys().next().value;
  if (kept.size > KEPT_ENTRIES_MAX && oldest !== undefined) kept.delete(oldest);
}

/** Nothing of one session may be shown in the next. */
export function forgetKept(): void {
  kept.clear();
}

/**
 * A new page starts at its top, with its heading as the place from which a screen reader reads on. Who was faster and has
 * the focus in the page keeps it.
 */
function arrive(): void {
  document.getElementById('main')?.scrollTo({ top: 0 });
  if (!document.activeElement?.closest('#main *')) {
    document.querySelector<HTMLElement>('#main h1')?.focus({ preventScroll: true });
  }
}

/** What was shown may have to be read again: the place is taken once the page reaches down to it, unless somebody acts before. */
function comeBack(): void {
  const place = remembered.get(entryKey);
  const main = document.getElementById('main');
  if (!place || !main) return arrive();
  if (takePlace(place)) return;
  const acted = new AbortController();
  const growth = new MutationObserver(() => {
    if (takePlace(place)) acted.abort();
  });
  acted.signal.addEventListener('abort', () => growth.disconnect());
  for (const act of ['wheel', 'pointerdown', 'keydown', 'popstate'])
    window.addEventListener(act, () => acted.abort(), { signal: acted.signal, passive: true });
  growth.observe(main, { childList: true, subtree: true });
}

/** True when scroll and focus are where they were. */
function takePlace({ tops, focusHref }: Remembered): boolean {
  const boxes = scrollers();
  boxes.forEach((box, index) => box.scrollTo({ top: tops[index] ?? 0 }));
  const links = focusHref ? [...document.querySelectorAll<HTMLElement>('#main a[href]')] : [];
  const link = links.find((one) => one.getAttribute('href') === focusHref);
  link?.focus({ preventScroll: true });
  const isThere = tops.every((top, index) => (boxes[index]?.scrollTop ?? 0) >= Math.floor(top));
  return isThere && (focusHref === null || link !== undefined);
}

/** Two frames: one in which signals render, one in which the result is laid out. */
function afterRender(then: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(then));
}

window.addEventListener('popstate', (event) => {
  const before = address.value.path;
  remember();
  entryKey = (event.state as { key?: number } | null)?.key ?? Date.now();
  address.value = read();
  if (address.value.path !== before) afterRender(comeBack);
});

/** Plain links work: a click that would open in this tab becomes a navigation. */
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest<HTMLAnchorElement>('a[href]');
  if (
    !link ||
    link.origin !== location.origin ||
    link.target ||
    link.hasAttribute('download') ||
    link.pathname.startsWith('/api/')
  )
    return;
  event.preventDefault();
  navigate(link.href);
});
