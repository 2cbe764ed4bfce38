import type { AgentPart } from '../../api/catalog';
import type { Budget, BudgetUnit } from '../../api/gate';
import { windowText } from '../../format/permission';
import { limitsText, perWords, share, UNITS } from '../budgets/words';

/** Which of the limits that hold for an agent is nearest to its end; pure. */

export interface Standing {
  budget: string;
  isEnforced: boolean;
  window: string;
  unit: BudgetUnit;
  limit: number;
  /** With what is reserved by calls in flight. */
  spent: number;
  left: number;
}

interface AgentBudgets {
  nearest: Standing | null;
  /** Where no account is known to be the agent's own: what there is, such as `40 calls` for each run. */
  other: { budget: string; limits: string; per: string } | null;
  /** Further limits. */
  more: number;
}

/** `figures` is of money only, and knows the teams of the agent, which budgets by themselves do not tell. */
export function agentBudgets(agent: string, figures: AgentPart['budget'], budgets: Budget[]): AgentBudgets {
  const counting = budgets.filter((budget) => countsFor(budget, agent) || budget.name === figures?.name);
  const standing = counting.flatMap((budget) => standingsOf(budget, agent));
  if (figures && !standing.some(({ budget, unit }) => budget === figures.name && unit === 'cost_usd'))
    standing.push(ofMoney(figures));
  const used = ({ spent, limit }: Standing): number => share(spent, limit);
  standing.sort((a, b) => used(b) - used(a) || Number(b.isEnforced) - Number(a.isEnforced));
  const known = new Set(standing.map(({ budget, unit }) => `${unit} ${budget}`));
  const others = counting.flatMap((budget) =>
    unitsOf(budget)
      .filter((unit) => !known.has(`${unit} ${budget.name}`))
      .map(() => budget),
  );
  const [nearest = null] = standing;
  const [other] = others;
  return {
    nearest,
    other: other && !nearest ? { budget: other.name, limits: limitsText(other), per: perWords[other.per] } : null,
    more: nearest ? standing.length - 1 + others.length : others.filter((one) => one !== other).length,
  };
}

/** A boundary names its agents one after the other, or teams in their place; a budget that was set asks for both. */
function countsFor({ origin, agent: wanted, team }: Budget, agent: string): boolean {
  if (origin === 'boundary') return wanted?.split(', ').some((pattern) => fits(pattern, agent)) ?? false;
  return team === null && (wanted === null || fits(wanted, agent));
}

/** `*` stands for any characters. */
function fits(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name);
}

const unitsOf = ({ limits }: Budget): BudgetUnit[] => UNITS.filter((unit) => limits[unit] != null);

/** Nothing where it is unknown what was spent: single runs and sessions have accounts of their own, and a team has one by its name. */
function standingsOf(budget: Budget, agent: string): Standing[] {
  const { per, accounts } = budget;
  const account = accounts.find(
    ({ subject }) =>
      per === 'everyone' || (per === 'agent' && subject === agent) || (per === 'team' && subject === `agent:${agent}`),
  );
  const isUnspent = per === 'everyone' || (per === 'agent' && budget.accounts_more === 0);
  if (!account && !isUnspent) return [];
  return unitsOf(budget).map((unit) => {
    const limit = budget.limits[unit] ?? 0;
    const known = account?.limits.find((one) => one.unit === unit);
    return {
      budget: budget.name,
      isEnforced: budget.mode === 'enforce',
      window: windowText(budget.window, budget.window_seconds),
      unit,
      limit,
      spent: known ? known.spent + known.reserved : 0,
      left: known ? known.left : limit,
    };
  });
}

const WINDOWS: Record<string, string> = { hour: 'an hour', day: 'a day', week: 'a week', whole: 'in all' };

const ofMoney = (figures: NonNullable<AgentPart['budget']>): Standing => ({
  budget: figures.name,
  isEnforced: figures.mode === 'enforce',
  window: WINDOWS[figures.window] ?? figures.window,
  unit: 'cost_usd',
  limit: figures.limit_usd,
  spent: figures.spent_usd,
  left: figures.left_usd,
});
