import type { BudgetUnit, BudgetWindow, Scope } from '../api/gate';
import type { Effect, Mode, Taint } from '../api/policies';
import { dollars } from './money';
import { exact, short } from './number';
import { duration } from './time';

/** What the pages of permission say in words; pure, so that the words are tested. */

const effectWord: Record<Effect, string> = { allow: 'Allow', deny: 'Deny', needs_approval: 'Needs approval' };
export const modeWord: Record<Mode, string> = { observe: 'Observe', enforce: 'Enforce' };

export const modeReason: Record<Mode, string> = {
  observe: 'Calls go on; what would have been decided is recorded',
  enforce: 'What is not permitted is refused',
};

/** `Deny` where it held, `Would deny` where the call went on, `Approved` where it went on because a person said yes. */
export function decidedWord(effect: Effect, enforced: boolean, mode: Mode = 'observe'): string {
  if (effect === 'allow') return 'Allow';
  if (enforced) return effectWord[effect];
  if (wasApproved(effect, enforced, mode)) return 'Approved';
  return effect === 'deny' ? 'Would deny' : 'Would ask a human';
}

/** Whether a call that has to be asked about went out all the same. */
export const wasApproved = (effect: Effect, enforced: boolean, mode: Mode): boolean =>
  effect === 'needs_approval' && !enforced && mode === 'enforce';

export const enforcedWord = (enforced: boolean): string => (enforced ? 'enforced' : 'observed');

/** The kind and the rest of a reference as decisions write it: `tool:helm/list` is `tool` and `helm/list`. */
export function splitResource(resource: string): { kind: string; name: string } {
  const at = resource.indexOf(':');
  return at < 0 ? { kind: '', name: resource } : { kind: resource.slice(0, at), name: resource.slice(at + 1) };
}

/** The text that a rule stands in: `refund-desk:13/beyond-limits` is of `refund-desk`. Null for what is built in. */
export function textOf(rule: string): string | null {
  const [name] = rule.split(/[:/#]/);
  return !name || name === 'builtin' ? null : name;
}

/** What decided where no rule did, by the code of the refusal: `name` and `line` of a text, or words and their page. */
export function decidedBy({
  code,
  reason,
}: {
  code: string | null;
  reason: string;
}): { name: string; line: string } | { word: string; page?: string } {
  if (code === 'evidence_missing') {
    const [, name, line] = /^`([^`]+)` \(line (\d+)\)/.exec(reason) ?? [];
    return name && line ? { name, line } : { word: 'a demand for evidence' };
  }
  return DECIDED_BY[code ?? ''] ?? { word: 'no rule: what nothing permits is refused' };
}

const DECIDED_BY: Record<string, { word: string; page?: string }> = {
  budget_exhausted: { word: 'a budget', page: '/budgets' },
  rate_limited: { word: 'a limit on how often it may ask', page: '/budgets' },
  paused: { word: 'a pause', page: '/budgets?pause=1' },
  definition_changed: { word: 'the pin of the tool', page: '/tools' },
  approval_denied: { word: 'a person', page: '/approvals?show=past' },
  approval_expired: { word: 'the time, which was over', page: '/approvals?show=past' },
  permission_unavailable: { word: 'nothing: it could not be decided' },
};

export const touched = (taint: Taint | null): string[] =>
  taint
    ? [
        ...(taint.private_data ? ['private data'] : []),
        ...(taint.untrusted_content ? ['untrusted content'] : []),
        ...(taint.outside_reached ? ['the outside'] : []),
      ]
    : [];

export function scopeWords({ kind, name }: Scope): string {
  if (kind === 'all') return 'All agents';
  return kind === 'team' ? `The team ${name ?? '?'}` : (name ?? '?');
}

export const unitWord: Record<BudgetUnit, string> = {
  cost_usd: 'Money',
  tokens: 'Tokens',
  calls: 'Calls',
  seconds: 'Time',
};

const NS_PER_SECOND = 1e9;

export function amount(value: number, unit: BudgetUnit): string {
  switch (unit) {
    case 'cost_usd':
      return dollars(value);
    case 'seconds':
      return value === 0 ? '0 s' : duration(value * NS_PER_SECOND);
    case 'calls':
      return exact(value);
    default:
      return short(value);
  }
}

const HOUR_SECONDS = 3_600;
const windowWords: Record<Exclude<BudgetWindow, 'seconds'>, string> = {
  hour: 'an hour',
  day: 'a day',
  week: 'a week',
  whole: 'in all, without an end',
};

export function windowText(window: BudgetWindow, seconds: number | null): string {
  if (window !== 'seconds') return windowWords[window];
  if (seconds === null) return 'a window';
  return seconds % HOUR_SECONDS === 0 && seconds > HOUR_SECONDS
    ? `${exact(seconds / HOUR_SECONDS)} hours`
    : duration(seconds * NS_PER_SECOND);
}

/** Time until `instant` in words that count down: `4 m 05 s`; null when it is over. */
export function left(instant: string, now: number): string | null {
  const seconds = Math.ceil((Date.parse(instant) - now) / 1000);
  if (seconds <= 0) return null;
  if (seconds < 60) return `${seconds} s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (seconds < HOUR_SECONDS) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  if (seconds < 48 * HOUR_SECONDS)
    return `${Math.floor(seconds / HOUR_SECONDS)} h ${pad(Math.floor((seconds % HOUR_SECONDS) / 60))} m`;
  return `${Math.floor(seconds / 86_400)} d`;
}
