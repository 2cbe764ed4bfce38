import type { Line } from './diff';

/** Which removed line became which added one, so that a line that only came in stands alone. */

/** Hunks with more pairs than this are put side by side as they come. */
const PAIRS_MAX = 10_000;
/** Lines that share less of their words are another line, not a changed one. */
const LIKE_MIN = 0.4;

type Pair = [Line | null, Line | null];

/** Both lists in their order, lines that are alike in one row. */
export function paired(removed: Line[], added: Line[]): Pair[] {
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  for (const [left, right] of [...alike(removed, added), [removed.length, added.length] as const]) {
    pairs.push(...asTheyCome(removed.slice(i, left), added.slice(j, right)));
    if (left < removed.length) pairs.push([removed[left] ?? null, added[right] ?? null]);
    [i, j] = [left + 1, right + 1];
  }
  return pairs;
}

const asTheyCome = (removed: Line[], added: Line[]): Pair[] =>
  Array.from({ length: Math.max(removed.length, added.length) }, (_, at) => [removed[at] ?? null, added[at] ?? null]);

/** The places of pairs that are most alike, in order on both sides. */
function alike(removed: Line[], added: Line[]): [number, number][] {
  const [height, width] = [removed.length, added.length];
  if (height * width <= 1 || height * width > PAIRS_MAX) return [];
  const [left, right] = [removed.map(wordsOf), added.map(wordsOf)];
  const like = left.map((one) => right.map((other) => likeness(one, other)));
  const pair = (i: number, j: number): number => like[i]?.[j] ?? 0;
  const best = new Float64Array((height + 1) * (width + 1));
  const at = (i: number, j: number): number => best[i * (width + 1) + j] ?? 0;
  for (let i = height - 1; i >= 0; i -= 1) {
    for (let j = width - 1; j >= 0; j -= 1) {
      const together = pair(i, j) >= LIKE_MIN ? pair(i, j) + at(i + 1, j + 1) : 0;
      best[i * (width + 1) + j] = Math.max(together, at(i + 1, j), at(i, j + 1));
    }
  }
  const found: [number, number][] = [];
  let [i, j] = [0, 0];
  while (i < height && j < width) {
    if (at(i, j) === at(i + 1, j)) i += 1;
    else if (at(i, j) === at(i, j + 1)) j += 1;
    else found.push([i++, j++]);
  }
  return found;
}

const wordsOf = (line: Line): Set<string> => new Set(line.text.match(/[\p{L}\p{N}]+/gu) ?? [line.text]);

/** In [0, 1]: half from how much of the shorter line is in the longer, so that a line that grew is still the same. */
function likeness(one: Set<string>, other: Set<string>): number {
  let shared = 0;
  for (const word of one) if (other.has(word)) shared += 1;
  return shared / (2 * one.size) + shared / (2 * other.size);
}

/** A line around what differs: what came in or went away is easily overlooked in a long one. */
export interface Marked {
  start: string;
  differs: string;
  end: string;
}

export function differing(before: string, after: string): [Marked, Marked] {
  // By characters: half of a surrogate pair is none.
  const [a, b] = [[...before], [...after]];
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const part = (text: string[]): Marked => ({
    start: text.slice(0, start).join(''),
    differs: text.slice(start, text.length - end).join(''),
    end: text.slice(text.length - end).join(''),
  });
  return [part(a), part(b)];
}
