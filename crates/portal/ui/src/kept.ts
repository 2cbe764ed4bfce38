import { useState } from 'preact/hooks';
import { entryHere, keepIn, keptHere } from './location';

/**
 * State that Back brings back, such as how much of a list was shown; a page that is opened anew starts with `initial`.
 * `name` tells it from the others of the page; another name is another state.
 */
export function useKept<T>(name: string, initial: T): [T, (next: T) => void] {
  const [held, setHeld] = useState({ name, value: read(name, initial) });
  const value = held.name === name ? held.value : read(name, initial);
  // An answer may come when another page is shown: it belongs to the entry from which it was asked for.
  const entry = entryHere();
  const set = (next: T): void => {
    keepIn(entry, name, next);
    setHeld({ name, value: next });
  };
  return [value, set];
}

function read<T>(name: string, initial: T): T {
  const found = keptHere(name);
  return found === undefined ? initial : (found as T);
}
