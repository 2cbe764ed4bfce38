import { useEffect, useState } from 'preact/hooks';
import { ApiError, get } from '../../api/client';
import type { AuditDetail } from '../../api/audit';
import { exact } from '../../format/number';
import { Said } from '../../ui/status';
import { Queue, verifyEntry, type Verdict } from './verify';

/** Few at a time: a page of proofs must not hold up what a person asks for. */
const AT_ONCE = 3;
const VERDICTS_MAX = 2_000;

const queue = new Queue(AT_ONCE);
/** What holds for an entry and a key holds for ever: the log only grows. */
const verdicts = new Map<string, Verdict>();

export const entryPath = (index: number): string => `/audit/entries/${index}`;

/** Checks the proof of one entry in this browser, once; `first` what somebody looks at. */
export function useVerdict(index: number, key: string | undefined, first = false): Verdict | 'checking' {
  const id = `${index}:${key}`;
  const [verdict, setVerdict] = useState<Verdict | 'checking'>(verdicts.get(id) ?? 'checking');
  useEffect(() => {
    if (key === undefined || verdicts.has(id)) return;
    let isWanted = true;
    void queue.add(async () => {
      if (!isWanted) return;
      const found = await get<AuditDetail>(entryPath(index)).then(
        (detail) => verifyEntry(detail, key),
        (error: unknown): Verdict => ({
          state: 'impossible',
          why: error instanceof ApiError ? error.message : String(error),
        }),
      );
      if (found.state !== 'impossible') remember(id, found);
      if (isWanted) setVerdict(found);
    }, first);
    return () => {
      isWanted = false;
    };
  }, [id]);
  return verdict;
}

function remember(id: string, verdict: Verdict): void {
  verdicts.set(id, verdict);
  const oldest = verdicts.keys().next().value;
  if (verdicts.size > VERDICTS_MAX && oldest !== undefined) verdicts.delete(oldest);
}

export function VerdictStatus({ verdict }: { verdict: Verdict | 'checking' }) {
  if (verdict === 'checking') {
    return <Said icon="open" tone="unset" word="Checking" />;
  }
  if (verdict.state === 'checked') {
    return <Said icon="passed" tone="ok" word="Proof checked" title={checkedWords(verdict)} />;
  }
  if (verdict.state === 'failed') {
    return <Said icon="failed" tone="error" word="Proof fails" title={verdict.why} />;
  }
  return <Said icon="help" word="Not checked" title={verdict.why} />;
}

export function RowVerdict({ index, logKey }: { index: number; logKey: string | undefined }) {
  return <VerdictStatus verdict={useVerdict(index, logKey)} />;
}

/** The whole statement, as the panel says it. */
export function verdictSentence(index: number, verdict: Verdict | 'checking'): string {
  if (verdict === 'checking') return 'The proof is being checked in this browser.';
  if (verdict.state === 'failed') return `The proof does not hold: ${verdict.why}.`;
  if (verdict.state === 'impossible') return `The proof was not checked: ${verdict.why}.`;
  return `In the log at index ${exact(index)}, proof checked in this browser. ${checkedWords(verdict)}`;
}

function checkedWords({ size, signature, contentChecked }: Extract<Verdict, { state: 'checked' }>): string {
  const content = contentChecked
    ? 'The text hashes to its leaf, and the leaf leads'
    : 'Retention removed the content; its hash leads';
  const signed =
    signature === 'yes'
      ? 'which the key of the log signed'
      : 'whose signature this browser cannot check, since it knows no Ed25519';
  return `${content} to the root of ${exact(size)} entries, ${signed}.`;
}
