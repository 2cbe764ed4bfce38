import type { QueryResult } from '../../api/shapes';

/** A cell as text; `null` is no text. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** RFC 4180: quotes are doubled, and fields with separators or line ends are quoted. */
export function toCsv(result: Pick<QueryResult, 'columns' | 'rows'>): string {
  const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [result.columns.map((column) => column.name), ...result.rows.map((row) => row.map(cell))];
  return lines.map((line) => line.map(quote).join(',')).join('\r\n');
}
