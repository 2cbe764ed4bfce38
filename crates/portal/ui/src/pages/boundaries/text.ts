import type { Impact, Mode, PolicyItem } from '../../api/policies';
import { exact, plural } from '../../format/number';

/** The text of a boundary, and what the pages say of it; pure. */

/** What a new boundary begins as: it observes, so that nothing breaks while one finds out what is needed. */
export const startingText = (
  name: string,
): string => `# What one agent may reach. Everything not named is refused once this is enforced.
apiVersion: mizzen.dev/v1
kind: Boundary
metadata:
  name: ${name || 'new'}
spec:
  mode: observe
  agents: [${name || 'new'}]
  models: ['*']
  tools: []
`;

/** The text with the mode of its `spec` replaced, or written before everything else in it. Comments stay. */
export function withMode(text: string, mode: Mode): string {
  const start = /^spec:[ \t]*(?:#.*)?$/m.exec(text)?.index;
  if (start === undefined) return text;
  const [before, spec] = [text.slice(0, start), text.slice(start)];
  const end = /\n(?=[^\s#])/.exec(spec)?.index ?? spec.length;
  const [body, rest] = [spec.slice(0, end), spec.slice(end)];
  const indent = /\n( +)[^\s#]/.exec(body)?.[1] ?? '  ';
  const line = new RegExp(`^(${indent}mode:)[^\\n#]*?([ \\t]*#.*)?$`, 'm');
  const changed = line.test(body)
    ? body.replace(line, (_, head: string, remark?: string) => `${head} ${mode}${remark ?? ''}`)
    : body.replace('\n', `\n${indent}mode: ${mode}\n`);
  return before + changed + rest;
}

/** Those that need a look first: what is enforced, then by name. */
export function byWeight(items: PolicyItem[]): PolicyItem[] {
  const weight = ({ mode }: PolicyItem): number => (mode === 'enforce' ? 0 : mode === 'observe' ? 1 : 2);
  return [...items].sort((a, b) => weight(a) - weight(b) || a.name.localeCompare(b.name));
}

const reasonWord: Record<string, string> = {
  arguments_not_kept: 'their arguments were not kept',
  not_decided_by_policy: 'something else than policy decided',
  damaged: 'their record cannot be read',
};

/** What an answer about impact rests on, and what it cannot say. */
export function impactWords({
  as_enforced: asEnforced,
  examined,
  changed,
  already_different: already,
  not_replayed: missing,
  not_replayed_reasons: reasons,
}: Impact): string {
  if (examined === 0) return 'No decisions were recorded in that time, so nothing can be said.';
  const asIf = asEnforced.length > 0 ? ' if it enforced' : '';
  const told =
    changed === 0
      ? `None of ${plural(examined, 'decision')} would be different${asIf}.`
      : `${exact(changed)} of ${plural(examined, 'decision')} would be different${asIf}.`;
  const since = already > 0 ? ` ${exact(already)} are different already under what is in force.` : '';
  if (missing === 0) return told + since;
  const why = Object.entries(reasons)
    .map(([reason, count]) => `${exact(count)} because ${reasonWord[reason] ?? reason.replaceAll('_', ' ')}`)
    .join(', ');
  return `${told}${since} ${exact(missing)} could not be asked again${why ? `: ${why}` : ''}.`;
}
