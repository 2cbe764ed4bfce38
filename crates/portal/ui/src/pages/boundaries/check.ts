import { useEffect, useState } from 'preact/hooks';
import { ApiError, send, type TextProblem } from '../../api/client';
import type { PolicyCheck, PolicyFile } from '../../api/policies';
import { may } from '../../api/session';

/** A pause in typing long enough to be one. */
const PAUSE_MS = 350;

export interface Checked {
  problems: TextProblem[];
  /** What the last text that compiles became. */
  cedar: string | null;
  /** Null while it is being asked for, or where the role may not ask. */
  valid: boolean | null;
}

/** Checks the text once typing pauses; the Cedar of the last good text stays while one types. */
export function useCheck(file: PolicyFile, cedar: string | null): Checked {
  const [checked, setChecked] = useState<Checked>({ problems: [], cedar, valid: null });
  const allowed = may('developer');
  useEffect(() => {
    if (!allowed) return;
    const abort = new AbortController();
    setChecked((before) => ({ ...before, valid: null }));
    const ask = (): void => {
      send<PolicyCheck>('POST', '/policies/check', { files: [file] }, abort.signal).then(
        (answer) =>
          setChecked((before) => ({
            problems: answer.problems,
            cedar: answer.objects.map((object) => object.cedar).join('\n') || before.cedar,
            valid: answer.valid,
          })),
        (error: unknown) => {
          if (!(error instanceof ApiError)) return;
          const problems = error.problems.length > 0 ? error.problems : [{ message: error.message }];
          setChecked((before) => ({ ...before, problems, valid: false }));
        },
      );
    };
    const timer = window.setTimeout(ask, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [file.name, file.text, allowed]);
  return { ...checked, cedar: checked.cedar ?? cedar };
}
