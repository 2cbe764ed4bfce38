import type { Question, QuestionPage, Values } from '../../api/catalog-shapes';
import type { TextProblem } from '../../api/client';

/** The questions of a template and their answers, as pure functions. */

export interface Asked {
  name: string;
  question: Question;
  isRequired: boolean;
}

export function questionsOf({ schema }: QuestionPage): Asked[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, question]) => ({
    name,
    question,
    isRequired: required.has(name),
  }));
}

export const labelOf = ({ name, question }: Asked): string => question.title ?? name;

/** Answers to begin with: the defaults, and what the address brought along. */
export function firstValues(pages: QuestionPage[], given: URLSearchParams): Values {
  const values: Values = {};
  for (const { name, question } of pages.flatMap(questionsOf)) {
    const brought = given.get(question['ui:field'] === 'AgentPicker' ? 'agent' : name);
    const value = brought ?? question.default;
    if (value !== undefined) values[name] = brought === null ? value : read(question, brought);
  }
  return values;
}

/** What somebody typed, as the schema wants it; undefined when there is no answer. */
export function read({ type, enum: known }: Question, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const numbered = type === 'number' || type === 'integer' || known?.some((one) => typeof one === 'number');
  if (!numbered) return text;
  const number = Number(trimmed);
  return Number.isNaN(number) ? text : number;
}

/** With one answer changed; no answer is left out, so that the server sees what is missing. */
export function answered(values: Values, name: string, value: unknown): Values {
  const next = { ...values };
  const isNone = value === undefined || value === '';
  if (isNone) delete next[name];
  else next[name] = value;
  return next;
}

interface Sorted {
  /** By the name of the question. */
  byName: Record<string, string>;
  others: TextProblem[];
}

/** What is missing is told of the whole: the name stands in the message. */
const MISSING = /^`\/`: "([^"]+)" (is a required property)$/;

/** Which problem belongs to which question: the server begins those with the field's JSON pointer in backticks. */
export function sortProblems(problems: TextProblem[], names: string[]): Sorted {
  const sorted: Sorted = { byName: {}, others: [] };
  for (const problem of problems) {
    const [, pointer, message] =
      /^`\/([^`/]+)[^`]*`(?: \([^)]*\))?[: ]*(.*)$/s.exec(problem.message) ?? MISSING.exec(problem.message) ?? [];
    const name = pointer?.replaceAll('~1', '/').replaceAll('~0', '~');
    if (name !== undefined && names.includes(name)) sorted.byName[name] ??= message || problem.message;
    else sorted.others.push(problem);
  }
  return sorted;
}

/** The choices of an enumeration, with the words that go with them. */
export function choicesOf({ enum: known, enumNames }: Question): [value: string, word: string][] {
  return (known ?? []).map((value, index) => [String(value), enumNames?.[index] ?? String(value)]);
}
