/** Durations in nanoseconds and instants in RFC 3339, as people read them. */

const MICRO = 1e3;
const MILLI = 1e6;
const SECOND = 1e9;
const MINUTE = 60 * SECOND;

export function duration(ns: number): string {
  if (ns < MICRO) return `${Math.round(ns)} ns`;
  if (ns < MILLI) return `${Math.round(ns / MICRO)} µs`;
  if (ns < SECOND) return `${Number((ns / MILLI).toPrecision(3))} ms`;
  if (ns < 59.95 * SECOND) return `${(ns / SECOND).toFixed(ns < 10 * SECOND ? 2 : 1)} s`;
  const seconds = Math.round(ns / SECOND);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const minutes = Math.round(ns / MINUTE);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
}

/** Too few or no measurements have no quantile. The least that an estimated one can be stands for none. */
export function durationIfKnown(ns: number | null | undefined): string {
  if (ns === null || ns === undefined) return '–';
  return ns <= 1 ? '0 ms' : duration(ns);
}

/** A mark of a time axis, without the zeros of a measurement: `5 s`, `250 ms`. */
export function mark(ns: number): string {
  return ns === 0
    ? '0'
    : duration(ns)
        .replace(/(\.\d*?)0+ /, '$1 ')
        .replace('. ', ' ');
}

/** `+1.25 s` after the start of the run. */
export function offset(ns: number): string {
  return ns <= 0 ? '+0 s' : `+${duration(ns)}`;
}

/** How long ago, in the largest whole unit. A clock that is behind the server's reads as `now`. */
export function ago(instant: string, now: number): string {
  const seconds = Math.floor((now - Date.parse(instant)) / 1000);
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 30 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return instant.slice(0, 10);
}

const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export function instant(text: string): string {
  return full.format(Date.parse(text));
}

export function clock(text: string): string {
  return hour.format(Date.parse(text));
}

/** Round instants (1, 2 or 5 × 10ⁿ) that divide `total` into at most `count` parts; none near the end, where its word has no room. */
export function ticks(total: number, count: number): number[] {
  if (total <= 0) return [0];
  const rough = total / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const marks: number[] = [];
  for (let at = 0; at < total * 0.9; at += step) marks.push(at);
  return marks;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
