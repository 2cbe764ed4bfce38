import type { Impact, Mode, PolicyItem } from '../../api/policies';
import { exact, plural } from '../../format/number';

/** The text of a boundary, and what the pages say of it; pure. */

export const STARTING_TEXT = `# What one agent may reach. Everything not named is refused once this is enforced.
agent: my-agent
mode: observe
models:
  - gpt-4o-mini
tools: []
`;

/** The text with its top-level mode replaced, or written before everything else where it has none. */
export function withMode(text: string, mode: Mode): string {
  const line = /^mode:[^\n#]*?(\s*#.*)?$/m;
  return line.test(text)
    ? text.replace(line, (_, remark?: string) => `mode: ${mode}${remark ?? ''}`)
    : `mode: ${mode}\n${text}`;
}

/** Those that need a look first: what is enforced, then by name. */
export function byWeight(items: PolicyItem[]): PolicyItem[] {
  const weight = ({ mode }: PolicyItem): number => (mode === 'enforce' ? 0 : mode === 'observe' ? 1 : 2);
  return [...items].sort((a, b) => weight(a) - weight(b) || a.name.localeCompare(b.name));
}

const reasonWord: Record<string, string> = {
  arguments_not_kept: 'their arguments were not kept',
  unreadable: 'their record could not be read',
};

/** What an answer about impact rests on, and what it cannot say. */
export function impactWords({
  examined,
  changed,
  not_replayed: missing,
  not_replayed_reasons: reasons,
}: Impact): string {
  if (examined === 0) return 'No decisions were recorded in that time, so nothing can be said.';
  const told =
    changed === 0
      ? `None of ${plural(examined, 'decision')} would have been different.`
      : `${exact(changed)} of ${plural(examined, 'decision')} would have been different.`;
  if (missing === 0) return told;
  const why = Object.entries(reasons)
    .map(([reason, count]) => `${exact(count)} because ${reasonWord[reason] ?? reason.replaceAll('_', ' ')}`)
    .join(', ');
  return `${told} ${exact(missing)} could not be asked again${why ? `: ${why}` : ''}.`;
}
