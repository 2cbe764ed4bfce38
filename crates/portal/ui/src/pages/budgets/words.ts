import type { Budget, BudgetUnit, Limits, NewBudget } from '../../api/gate';
import { amount, left, unitWord } from '../../format/permission';

/** What the page of budgets says in words, and what its form means; pure. */

export const UNITS: BudgetUnit[] = ['cost_usd', 'tokens', 'calls', 'seconds'];

/** What is counted, behind its number: ` calls`. Money and time say it themselves. */
export function countedWord(value: number, unit: BudgetUnit): string {
  if (unit === 'cost_usd' || unit === 'seconds') return '';
  const word = unitWord[unit].toLowerCase();
  return ` ${value === 1 ? word.slice(0, -1) : word}`;
}

/** `$5 and 100 calls`. */
export function limitsText({ limits }: Pick<Budget, 'limits'>): string {
  const parts = UNITS.flatMap((unit) => {
    const limit = limits[unit];
    if (limit === null || limit === undefined) return [];
    return [`${amount(limit, unit)}${countedWord(limit, unit)}`];
  });
  return parts.join(' and ') || 'no limit';
}

export const perWords: Record<NewBudget['per'], string> = {
  everyone: 'shared by all of them',
  agent: 'for each agent',
  team: 'for each team',
  session: 'for each session',
  run: 'for each run',
};

export function whoText({ agent, team, per }: Pick<Budget, 'agent' | 'team' | 'per'>): string {
  const who = [agent && `agent ${agent}`, team && `team ${team}`].filter(Boolean).join(', ') || 'all agents';
  return `${who}, ${perWords[per]}`;
}

/** In [0, 1]; a limit of nothing is used up from the beginning. */
export function share(part: number, whole: number): number {
  return whole <= 0 ? 1 : Math.min(1, Math.max(0, part / whole));
}

export function resetText(resetsAt: string | null, now: number): string {
  if (resetsAt === null) return 'never';
  const time = left(resetsAt, now);
  return time === null ? 'now' : `in ${time}`;
}

/** What was typed, or why it cannot be. Empty limits do not limit; at least one must. */
export function budgetOf(read: (name: string) => string): NewBudget | { problem: string } {
  const limits = {} as Limits;
  for (const unit of UNITS) {
    const text = read(unit);
    const value = text === '' ? null : Number(text);
    if (value !== null && !(Number.isFinite(value) && value >= 0))
      return { problem: `${unitWord[unit]} must be 0 or more` };
    limits[unit] = value;
  }
  if (UNITS.every((unit) => limits[unit] === null)) return { problem: 'set at least one limit' };
  const window = read('window') as NewBudget['window'];
  return {
    agent: read('agent') || null,
    team: read('team') || null,
    per: read('per') as NewBudget['per'],
    mode: read('mode') as NewBudget['mode'],
    window,
    window_seconds: window === 'seconds' ? Number(read('window_seconds')) : null,
    limits,
  };
}
