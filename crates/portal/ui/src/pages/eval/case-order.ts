import type { CaseResult, CaseTrial } from '../../api/eval';

/** What needs a person comes first: failing cases, then those the evaluator broke on, then those not evaluated. */

export type TrialState = 'pass' | 'fail' | 'scored' | 'not_evaluated' | 'failed';

export const trialWord: Record<TrialState, string> = {
  pass: 'Passed',
  fail: 'Failed',
  scored: 'Scored',
  not_evaluated: 'Not evaluated',
  failed: 'Evaluator failed',
};

const WHOLE = 1;

function need(result: CaseResult): number {
  if (result.scored > 0 && result.passed !== null) {
    const share = result.passed / result.scored;
    if (share < WHOLE) return share;
  }
  if (result.runs.some((trial) => trial.status === 'failed')) return 2;
  if (result.runs.some((trial) => trial.status === 'not_evaluated')) return 3;
  return 4;
}

/** Without a set a run is its own case, and the case is called by the id of the run. */
export const isOwnRun = ({ case: name, runs }: Pick<CaseResult, 'case' | 'runs'>): boolean =>
  runs.length === 1 && runs[0]?.run_id === name;

/** Keeps the server's order among equals. */
export function byNeed(cases: CaseResult[]): CaseResult[] {
  return [...cases].sort((a, b) => need(a) - need(b));
}

function rank(trial: CaseTrial): number {
  if (trial.status === 'scored' && trial.verdict === 'fail') return 0;
  if (trial.status === 'failed') return 1;
  if (trial.status === 'not_evaluated') return 2;
  return 3;
}

/** The trial to open first: failed before unscored before passed, and of equals the lowest score. */
export function worstTrial(trials: CaseTrial[]): CaseTrial | undefined {
  return [...trials].sort((a, b) => rank(a) - rank(b) || (a.value ?? 0) - (b.value ?? 0))[0];
}
