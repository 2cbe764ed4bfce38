import type { FindingKind, ToolDefinition, ToolProfile, ToolServer, WithheldReason } from '../../api/tools';

/** What the pages of tool servers say in words; pure. */

export const reasonWord: Record<WithheldReason, string> = {
  unapproved: 'Not approved yet',
  definition_changed: 'Changed since approval',
  look_alike: 'Looks like another tool',
};

export const findingWord: Record<FindingKind, string> = {
  hidden_characters: 'Hidden characters',
  confusable_name: 'Confusable name',
  same_description: 'Same description as another',
  names_other_tool: 'Speaks of another tool',
};

export function eraWords({ era, protocol_version: version }: Pick<ToolServer, 'era' | 'protocol_version'>): string {
  if (!era) return 'not known yet';
  return version ? `${era}, ${version}` : era;
}

/** What is withheld comes first, then what was found suspicious, then what went away, then by name. */
export function byConcern(definitions: ToolDefinition[]): ToolDefinition[] {
  const weight = ({ state, findings }: ToolDefinition): number => {
    if (state === 'withheld') return findings.length > 0 ? 0 : 1;
    if (findings.length > 0) return 2;
    return state === 'gone' ? 3 : 4;
  };
  return [...definitions].sort((a, b) => weight(a) - weight(b) || a.tool.localeCompare(b.tool));
}

/** What the server says of its tool, with its own line breaks; empty where it says nothing. */
export function descriptionOf(definition: unknown): string {
  const said = (definition as { description?: unknown } | null)?.description;
  return typeof said === 'string' ? said.trim() : '';
}

/** Keys in one order, so that only what means something differs. */
export function printed(definition: unknown): string {
  return JSON.stringify(sorted(definition), null, 2) ?? '';
}

const FIRST = ['name', 'title', 'description'];

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const order = (key: string): number => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** A command line as words: quotes keep spaces together, as in a shell; nothing else is special. */
export function commandWords(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, plain] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    words.push(double?.replace(/\\(.)/g, '$1') ?? single ?? plain ?? '');
  }
  return words;
}

type Member = ToolProfile['servers'][number];

/** A profile as lines that a person can edit: `shop: get_*, refund_order`. */
export const membersText = (servers: Member[]): string =>
  servers.map(({ server, tools }) => (tools.join() === '*' ? server : `${server}: ${tools.join(', ')}`)).join('\n');

/** The lines as the server takes them. What they do not say (prompts, resources) stays as it was. */
export function membersOf(text: string, before: Member[]): { servers: Member[] } | { problem: string } {
  const servers: Member[] = [];
  for (const line of text
    .split('\n')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [, server, patterns] = /^([A-Za-z0-9_.-]+)\s*(?::\s*(.*))?$/.exec(line) ?? [];
    if (!server) return { problem: `\`${line}\` is no server with patterns: write \`server: pattern, pattern\`` };
    if (servers.some((one) => one.server === server)) return { problem: `\`${server}\` is there twice` };
    const tools = (patterns ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
    const known = before.find((one) => one.server === server);
    servers.push({
      server,
      tools: tools.length > 0 ? tools : ['*'],
      prompts: known?.prompts ?? ['*'],
      resources: known?.resources ?? ['*'],
    });
  }
  return servers.length > 0 ? { servers } : { problem: 'name at least one server' };
}

/** A fault as it reads beside the name of its server, which it would say again. */
export const faultBeside = (name: string, fault: string): string => fault.replace(`the tool server \`${name}\` `, '');
