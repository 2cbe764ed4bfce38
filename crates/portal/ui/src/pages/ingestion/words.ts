import type { SourceHealth, SourceProblem } from '../../api/catalog-shapes';
import type { Mark } from '../../ui/status';

/** The words of ingestion, as pure functions. */

export const sourceMark: Record<SourceHealth['state'], Mark> = {
  ok: { word: 'Read', icon: 'passed', tone: 'ok' },
  failing: { word: 'Failing', icon: 'failed', tone: 'error' },
  never_read: { word: 'Not read yet', icon: 'clock' },
};

const TYPES: Record<string, string> = { url: 'Address', file: 'File', applied: 'By hand', traffic: 'Traffic' };
export const typeWord = (type: string): string => TYPES[type] ?? type;

/** `catalog-info.yaml:12:7`, as far as the place is known: line 0 is the file as a whole. */
export function placeOf({
  source,
  line,
  column = 0,
}: Pick<SourceProblem, 'source' | 'line'> & { column?: number }): string {
  return [source, line, line && column].filter(Boolean).join(':');
}

interface Sums {
  sources: number;
  failing: number;
  errors: number;
}

export function sumsOf(sources: SourceHealth[]): Sums {
  return {
    sources: sources.length,
    failing: sources.filter(({ state }) => state === 'failing').length,
    errors: sources.reduce((sum, { errors_total: errors }) => sum + errors, 0),
  };
}
