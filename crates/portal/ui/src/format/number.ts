/** Numbers as people read them. Exact values belong in a `title` beside the short form. */

const grouped = new Intl.NumberFormat('en-US');
const UNITS: [number, string][] = [
  [1e12, 'T'],
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
];

export function exact(value: number): string {
  return grouped.format(value);
}

/** `1234567` → `1.23M`; below ten thousand the exact number is short enough. */
export function short(value: number): string {
  if (Math.abs(value) < 10_000) return exact(Math.round(value));
  // A value that rounds up to 1000 of a unit reads better as 1 of the next: 999,960 is `1M`, not `1000k`.
  const [size, suffix] = UNITS.find(([unit]) => Math.abs(value) >= unit * 0.9995) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${suffix}`;
}

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  let rest = value;
  while (rest >= 1024 && index < units.length - 1) {
    rest /= 1024;
    index += 1;
  }
  return `${index === 0 ? rest : rest.toFixed(1)} ${units[index]}`;
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}%`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${exact(count)} ${count === 1 ? one : many}`;
}
