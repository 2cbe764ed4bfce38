import { useEffect, useState } from 'preact/hooks';
import { ApiError, sendText, withQuery, type TextProblem } from '../../api/client';
import type { Applied } from '../../api/catalog';
import { may } from '../../api/session';

/** A pause in typing long enough to be one. */
const PAUSE_MS = 400;
/** What problems and the history name as the place the text came from. */
const SOURCE = 'portal';

export interface Checked {
  problems: TextProblem[];
  /** What applying would do with each document. */
  results: Applied[];
  /** Null while it is being asked for, or where the role may not ask. */
  valid: boolean | null;
}

/** Applies a text; `isDry` only says what would happen. Refused documents come back as problems with their place. */
export async function applyText(text: string, isDry: boolean): Promise<Checked> {
  const path = withQuery('/catalog/apply', { source: SOURCE, dry_run: isDry ? 'true' : null });
  try {
    const results = await sendText<Applied[]>('POST', path, text, {});
    const problems = results.flatMap(problemsOf);
    const isValid = results.every(({ result }) => result !== 'rejected');
    return { problems, results, valid: isValid };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      problems: error.problems.length > 0 ? error.problems : [{ message: error.message }],
      results: [],
      valid: false,
    };
  }
}

/** Refusals first; what is accepted and means nothing is a warning. */
function problemsOf({ line, error, problems, warnings }: Applied): TextProblem[] {
  const refused = problems.length === 0 && error !== null ? [{ line, column: 1, message: error }] : problems;
  return [...refused, ...warnings.map((warning) => ({ ...warning, severity: 'warning' as const }))];
}

/** Asks, once typing pauses, what applying the text would do. */
export function useApplyCheck(text: string, isOn: boolean): Checked {
  const [checked, setChecked] = useState<Checked>({ problems: [], results: [], valid: null });
  const allowed = may('developer') && isOn;
  useEffect(() => {
    if (!allowed) return;
    let isStale = false;
    setChecked((before) => ({ ...before, valid: null }));
    const timer = window.setTimeout(() => {
      void applyText(text, true).then((answer) => isStale || setChecked(answer));
    }, PAUSE_MS);
    return () => {
      isStale = true;
      window.clearTimeout(timer);
    };
  }, [text, allowed]);
  return checked;
}
