import type { CellState, ScorecardCell, Scorecards } from '../../api/catalog-shapes';
import type { Level, LevelCounts } from '../../api/catalog';
import { LEVELS, levelWord } from '../../format/catalog';
import { exact } from '../../format/number';
import type { IconName } from '../../ui/icon';

/** The words of the overview of scorecards, as pure functions. */

export const cellWord: Record<CellState, string> = {
  pass: 'Passed',
  fail: 'Failed',
  no_evidence: 'No evidence',
  exempt: 'Exempt',
  not_applicable: 'Does not apply',
};
/** Where there is little room. */
const cellShort: Record<CellState, string> = {
  pass: 'Pass',
  fail: 'Fail',
  no_evidence: 'None',
  exempt: 'Exempt',
  not_applicable: '–',
};
export const cellIcon: Record<CellState, IconName> = {
  pass: 'check',
  fail: 'cross',
  no_evidence: 'help',
  exempt: 'skip',
  not_applicable: 'dash',
};
const STATES: CellState[] = ['fail', 'no_evidence', 'exempt', 'pass', 'not_applicable'];

/** The worst that is true of a cell: one failed agent is not hidden by ten that passed. */
export function stateOf(cell: ScorecardCell): CellState {
  return STATES.find((state) => cell[state] > 0) ?? 'not_applicable';
}

const countOf = (cell: ScorecardCell): number => cell.pass + cell.fail + cell.no_evidence + cell.exempt;

/** What stands in the cell: a word for one agent, how many passed for a team. */
export function cellText(cell: ScorecardCell, agents: number): string {
  const state = stateOf(cell);
  if (agents <= 1 || state === 'not_applicable') return cellShort[state];
  return `${exact(cell.pass)}/${exact(countOf(cell))}`;
}

/** The whole cell in a sentence. */
export function cellWords(cell: ScorecardCell): string {
  const told = STATES.filter((state) => cell[state] > 0).map(
    (state) => `${exact(cell[state])} ${cellWord[state].toLowerCase()}`,
  );
  return told.join(', ') || 'nothing to check';
}

export const LEVEL_KEYS: (keyof LevelCounts)[] = ['none', ...LEVELS];
export const levelName = (key: keyof LevelCounts): string => (key === 'none' ? 'Not yet known' : levelWord[key]);

/** The checks under their levels, in the server's order. */
export function byLevel(checks: Scorecards['checks']): [Level, Scorecards['checks']][] {
  return LEVELS.map((level): [Level, Scorecards['checks']] => [
    level,
    checks.filter((check) => check.level === level),
  ]).filter(([, found]) => found.length > 0);
}

/** Per check: how many agents fail it or lack evidence; where work pays most comes first. */
export function toFix({
  checks,
  rows,
}: Scorecards): { check: Scorecards['checks'][number]; fail: number; lacking: number }[] {
  const sums = checks.map((check, index) => ({
    check,
    fail: rows.reduce((sum, row) => sum + (row.cells[index]?.fail ?? 0), 0),
    lacking: rows.reduce((sum, row) => sum + (row.cells[index]?.no_evidence ?? 0), 0),
  }));
  return sums
    .filter(({ fail, lacking }) => fail + lacking > 0)
    .sort(
      (a, b) =>
        LEVELS.indexOf(a.check.level) - LEVELS.indexOf(b.check.level) || b.fail - a.fail || b.lacking - a.lacking,
    );
}
