import type { TextProblem } from '../api/client';

/** Places in a text by line and column, both from 1, as the server names them. Columns count characters. */

export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at += 1) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  const end = text.indexOf('\n', start);
  const content = text.slice(start, end < 0 ? text.length : end);
  // A character outside the basic plane is one column and two units.
  return start + [...content].slice(0, Math.max(0, column - 1)).join('').length;
}

interface Piece {
  text: string;
  severity: 'error' | 'warning' | null;
}

/** The text in pieces, the word at each problem marked; at the end of a line its last character is. */
export function marked(text: string, problems: TextProblem[]): Piece[] {
  const places = problems
    .filter(({ line }) => line)
    .map((problem) => ({ ...range(text, problem), severity: problem.severity ?? ('error' as const) }))
    .sort((a, b) => a.from - b.from);
  const pieces: Piece[] = [];
  let end = 0;
  for (const { from, to, severity } of places) {
    if (from < end || to <= from) continue;
    if (from > end) pieces.push({ text: text.slice(end, from), severity: null });
    pieces.push({ text: text.slice(from, to), severity });
    end = to;
  }
  pieces.push({ text: text.slice(end), severity: null });
  return pieces;
}

function range(text: string, { line, column }: TextProblem): { from: number; to: number } {
  const from = offsetOf(text, line ?? 1, column ?? 1);
  const word = /^[^\s:,[\]{}()]+/.exec(text.slice(from))?.[0] ?? '';
  if (word) return { from, to: from + word.length };
  const isEnd = text[from] === undefined || text[from] === '\n';
  return isEnd && from > 0 && text[from - 1] !== '\n'
    ? { from: from - 1, to: from }
    : { from, to: from + (isEnd ? 0 : 1) };
}
