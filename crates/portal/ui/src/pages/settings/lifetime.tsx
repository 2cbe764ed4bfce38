const DAY_SECONDS = 86_400;
const LIFETIMES: [string, number | null][] = [
  ['30 days', 30 * DAY_SECONDS],
  ['1 day', DAY_SECONDS],
  ['1 year', 365 * DAY_SECONDS],
  ['No end', null],
];

const FIELD = 'lifetime';

/** How long a key or a token is to be valid. */
export function Lifetimes() {
  return (
    <select name={FIELD}>
      {LIFETIMES.map(([word], index) => (
        <option key={word} value={index}>
          {word}
        </option>
      ))}
    </select>
  );
}

/** What was chosen in the form; null is no end. */
export const secondsOf = (values: FormData): number | null => LIFETIMES[Number(values.get(FIELD))]?.[1] ?? null;
