type TokenKind = 'key' | 'text' | 'number' | 'word' | '';

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

/** Splits printed JSON into coloured pieces; joined again they are the text. A cut text is fine. */
export function tokens(text: string): [TokenKind, string][] {
  const pieces: [TokenKind, string][] = [];
  let end = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > end) pieces.push(['', text.slice(end, found.index)]);
    const [all, quoted, colon, number] = found;
    if (quoted !== undefined) {
      pieces.push([colon === undefined ? 'text' : 'key', quoted]);
      if (colon !== undefined) pieces.push(['', colon]);
    } else {
      pieces.push([number === undefined ? 'word' : 'number', all]);
    }
    end = found.index + all.length;
  }
  if (end < text.length) pieces.push(['', text.slice(end)]);
  return pieces;
}

/** One line that tells a value apart from others: `order_id: "A-1042", limit: 5`. */
export function summary(value: unknown, charactersMax = 120): string {
  if (value === null || value === undefined) return '';
  let text: string;
  if (typeof value === 'string') text = value;
  else if (typeof value !== 'object') text = String(value);
  else if (Array.isArray(value)) text = JSON.stringify(value);
  else
    text = Object.entries(value)
      .map(([name, inner]) => `${name}: ${JSON.stringify(inner)}`)
      .join(', ');
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > charactersMax ? `${line.slice(0, charactersMax - 1)}…` : line;
}

/** Tool results often are JSON inside a string; shown as what they are. */
export function unwrapped(value: unknown): unknown {
  return typeof value === 'string' && /^\s*[[{]/.test(value) ? parsed(value) : value;
}

/** The value where the text is JSON (`0.8`, `true`, a list), else the text as it is. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
