import { useLayoutEffect } from 'preact/hooks';
import { navigate } from '../location';
import { moveRow } from '../ui/roving';
import { cycleTheme } from './theme';
import { helpOpen, paletteOpen } from './overlays';

/** Keys that work on every page. Pages add their own where the keys mean something only there. */

export const JUMPS: [string, string, string][] = [
  ['h', '/', 'Home'],
  ['r', '/runs', 'Runs'],
  ['e', '/evaluations', 'Evaluations'],
  ['a', '/agents', 'Agents'],
  ['m', '/models', 'Models'],
  ['q', '/sql', 'SQL'],
  ['s', '/settings', 'Settings'],
  ['o', '/evaluations/monitors', 'Monitors'],
  ['l', '/evaluations/labels', 'Labelling'],
  ['c', '/catalog', 'Catalog'],
  ['v', '/catalog/reviews', 'Reviews'],
  ['n', '/create', 'Create'],
  ['k', '/catalog/scorecards', 'Scorecards'],
  ['i', '/catalog/ingestion', 'Ingestion'],
  ['p', '/approvals', 'Approvals'],
  ['b', '/boundaries', 'Boundaries'],
  ['d', '/decisions', 'Decisions'],
  ['t', '/tools', 'Tool servers'],
  ['u', '/budgets', 'Budgets'],
  ['x', '/audit', 'Audit'],
];

/** Time to press the second key of `g r`. */
const CHORD_MS = 1_200;
let chordUntil = 0;

/** Somebody handled it already, means the browser by it, or is writing. */
function isForOthers(event: KeyboardEvent): boolean {
  return event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target);
}

/**
 * Keys of a page: `handle` says whether the key means something there. The shell hears keys first: after `g` a letter is
 * a jump, which comes here as already handled.
 */
export function useKeys(handle: (event: KeyboardEvent) => boolean): void {
  // Before the next key arrives, which else would still mean what was shown before.
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      if (isForOthers(event) || document.querySelector('dialog[open]')) return;
      if (handle(event)) event.preventDefault();
    };
    document.addEventListener('keydown', hear);
    return () => document.removeEventListener('keydown', hear);
  });
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.key.toLowerCase() === 'k' && (event.metaKey || event.ctrlKey)) {
    event.preventDefault();
    paletteOpen.value = !paletteOpen.value;
    return;
  }
  if (isForOthers(event) || paletteOpen.value || helpOpen.value) return;
  if (handle(event.key)) event.preventDefault();
}

function handle(key: string): boolean {
  if (Date.now() < chordUntil) {
    chordUntil = 0;
    const jump = JUMPS.find(([letter]) => letter === key);
    if (jump) navigate(jump[1]);
    return jump !== undefined;
  }
  switch (key) {
    case 'g':
      chordUntil = Date.now() + CHORD_MS;
      return true;
    case '?':
      helpOpen.value = true;
      return true;
    case 't':
      cycleTheme();
      return true;
    case '/': {
      const filter = document.querySelector<HTMLElement>('[data-filter]');
      filter?.focus();
      if (!filter) paletteOpen.value = true;
      return true;
    }
    case 'j':
    case 'k':
    case 'ArrowDown':
    case 'ArrowUp': {
      const main = document.getElementById('main');
      // Arrows scroll the page as ever until a row has the focus.
      if (key.startsWith('Arrow') && !document.activeElement?.hasAttribute('data-row')) return false;
      return main !== null && moveRow(main, key);
    }
    default:
      return false;
  }
}

export function listenForShortcuts(): void {
  document.addEventListener('keydown', onKeyDown);
}
