/** Ranking of palette entries, as a pure function. */

const WORD_START = /[\s/_\-:.]/;

/**
 * How well `query` fits `text`; null when it does not. All characters must occur in order; runs of them and
 * beginnings of words count more, long texts a little less.
 */
export function score(query: string, text: string): number | null {
  const wanted = query.toLowerCase().replace(/\s+/g, '');
  const lower = text.toLowerCase();
  if (wanted === '') return 0;
  const whole = lower.indexOf(query.toLowerCase().trim());
  if (whole >= 0) return 100 + (whole === 0 || WORD_START.test(lower[whole - 1] ?? '') ? 20 : 0) - lower.length / 100;
  let points = 0;
  let at = -1;
  for (const letter of wanted) {
    const found = lower.indexOf(letter, at + 1);
    if (found < 0) return null;
    points += found === at + 1 ? 3 : 1;
    if (found === 0 || WORD_START.test(lower[found - 1] ?? '')) points += 4;
    at = found;
  }
  return points - lower.length / 100;
}

/** What only other words of an entry say counts half: its label is what one reads. */
const ALSO_WEIGHT = 0.5;

/** How well `query` fits an entry by its label, or by the words it is found by besides. */
function entryScore(query: string, label: string, also: string): number | null {
  const own = score(query, label);
  const whole = score(query, `${label} ${also}`);
  return own === null ? (whole === null ? null : ALSO_WEIGHT * whole) : own;
}

/** The best `count` of `items`, best first; equal ones stay in their order. */
export function best<T>(
  query: string,
  items: T[],
  wordsOf: (item: T) => { label: string; also?: string },
  count: number,
): T[] {
  const scored: { item: T; points: number }[] = [];
  for (const item of items) {
    const { label, also = '' } = wordsOf(item);
    const points = entryScore(query, label, also);
    if (points !== null) scored.push({ item, points });
  }
  scored.sort((a, b) => b.points - a.points);
  return scored.slice(0, count).map(({ item }) => item);
}
