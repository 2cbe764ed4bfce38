import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { CatalogItem, CatalogPage } from '../../api/catalog';
import type { QuestionPage, Values } from '../../api/catalog-shapes';
import { withQuery } from '../../api/client';
import { referenceName } from '../../format/catalog';
import { Field } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Ticked } from '../../ui/ticked';
import { answered, choicesOf, labelOf, questionsOf, read, type Asked } from './questions';

interface Props {
  values: Values;
  change: (values: Values) => void;
  problems: Record<string, string>;
}

/** The questions of a template as its JSON Schema asks them. */
export function Questions({ pages, ...props }: Props & { pages: QuestionPage[] }) {
  return (
    <>
      {pages.map((page) => (
        <fieldset key={page.title} class="questions">
          <legend>{page.title}</legend>
          {page.description && (
            <p class="faint">
              <Ticked text={page.description} />
            </p>
          )}
          {questionsOf(page).map((asked) => (
            <OneQuestion key={asked.name} asked={asked} {...props} />
          ))}
        </fieldset>
      ))}
    </>
  );
}

function OneQuestion({ asked, values, change, problems }: Props & { asked: Asked }) {
  const { name, question, isRequired } = asked;
  const problem = problems[name];
  const set = (value: unknown): void => change(answered(values, name, value));
  const label = isRequired ? labelOf(asked) : `${labelOf(asked)} (optional)`;
  const told = [question.description, question['ui:help']].filter(Boolean).join(' ');
  const control: Control = {
    asked,
    value: values[name],
    set,
    isWrong: problem !== undefined,
    describedBy: `about-${name}`,
  };
  const isGroup = question['ui:widget'] === 'radio' || question.type === 'array' || question.type === 'boolean';
  return (
    <div class={problem ? 'question wrong' : 'question'}>
      {isGroup ? (
        <fieldset class="field">
          <legend>{label}</legend>
          <Answer {...control} />
        </fieldset>
      ) : (
        <Field label={label}>
          <Answer {...control} />
        </Field>
      )}
      <div id={`about-${name}`} class="question-about">
        {problem && (
          <p class="problem">
            <Icon name="alert" />{' '}
            <span>
              <Ticked text={problem} />
            </span>
          </p>
        )}
        {told && (
          <p>
            <Ticked text={told} />
          </p>
        )}
      </div>
    </div>
  );
}

interface Control {
  asked: Asked;
  value: unknown;
  set: (value: unknown) => void;
  isWrong: boolean;
  describedBy: string;
}

const textOf = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

function Answer(control: Control) {
  const { question } = control.asked;
  if (question.type === 'boolean') return <YesNo {...control} />;
  if (question.type === 'array') return <Several {...control} />;
  if (question.enum) return question['ui:widget'] === 'radio' ? <Radios {...control} /> : <OneOf {...control} />;
  if (question['ui:field'] === 'AgentPicker') return <AgentPicker {...control} />;
  if (question['ui:widget'] === 'textarea') return <Prose {...control} />;
  return <Line {...control} />;
}

/** What all text controls carry. */
const common = ({ asked: { name, question, isRequired }, isWrong, describedBy }: Control) => ({
  name,
  required: isRequired,
  autofocus: question['ui:autofocus'] === true,
  'aria-invalid': isWrong,
  'aria-describedby': describedBy,
});

function Line(control: Control) {
  const { asked, value, set } = control;
  const { question } = asked;
  const isNumber = question.type === 'number' || question.type === 'integer';
  const isOwner = question['ui:field'] === 'OwnerPicker';
  return (
    <>
      <input
        {...common(control)}
        type={isNumber ? 'number' : 'text'}
        step={question.type === 'integer' ? 1 : 'any'}
        {...(question.minimum === undefined ? {} : { min: question.minimum })}
        {...(question.maximum === undefined ? {} : { max: question.maximum })}
        {...(question.maxLength === undefined ? {} : { maxLength: question.maxLength })}
        placeholder={question['ui:placeholder']}
        autocomplete="off"
        spellcheck={false}
        list={isOwner ? `known-${asked.name}` : undefined}
        // The names of the known owners stand within the label and are no part of it.
        aria-label={isOwner ? labelOf(asked) : undefined}
        value={textOf(value)}
        onInput={(event) => set(read(question, event.currentTarget.value))}
      />
      {isOwner && <Known id={`known-${asked.name}`} of="group" />}
    </>
  );
}

function Prose(control: Control) {
  const { value, set, asked } = control;
  return (
    <textarea
      {...common(control)}
      rows={3}
      placeholder={asked.question['ui:placeholder']}
      value={textOf(value)}
      onInput={(event) => set(event.currentTarget.value)}
    />
  );
}

function OneOf(control: Control) {
  const { asked, value, set } = control;
  return (
    <select
      {...common(control)}
      value={textOf(value)}
      onChange={(event) => set(read(asked.question, event.currentTarget.value))}
    >
      <option value="">Choose …</option>
      {choicesOf(asked.question).map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
}

function Radios(control: Control) {
  const { asked, value, set, describedBy } = control;
  return (
    <div class="radios">
      {choicesOf(asked.question).map(([id, word]) => (
        <label key={id}>
          <input
            type="radio"
            name={asked.name}
            value={id}
            aria-describedby={describedBy}
            checked={textOf(value) === id}
            onChange={() => set(read(asked.question, id))}
          />
          {word}
        </label>
      ))}
    </div>
  );
}

function YesNo({ asked, value, set, describedBy }: Control) {
  return (
    <label class="yes">
      <input
        type="checkbox"
        name={asked.name}
        aria-describedby={describedBy}
        checked={value === true}
        onChange={(event) => set(event.currentTarget.checked)}
      />
      Yes
    </label>
  );
}

/** A list: known entries are offered, anything may be typed. */
function Several({ asked, value, set, isWrong, describedBy }: Control) {
  const [text, setText] = useState('');
  const items = Array.isArray(value) ? value.map(String) : [];
  const known = choicesOf(asked.question.items ?? {});
  const add = (one: string): void => {
    const trimmed = one.trim();
    if (trimmed && !items.includes(trimmed)) set([...items, trimmed]);
    setText('');
  };
  const listId = `known-${asked.name}`;
  return (
    <div class="several">
      {items.length > 0 && (
        <ul>
          {items.map((item) => (
            <li key={item} class="chip">
              <code>{item}</code>
              <button
                type="button"
                aria-label={`Remove ${item}`}
                onClick={() => set(items.filter((one) => one !== item))}
              >
                <Icon name="cross" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <span class="several-add">
        <input
          aria-label={`Add to ${labelOf(asked)}`}
          aria-describedby={describedBy}
          aria-invalid={isWrong}
          list={listId}
          autocomplete="off"
          spellcheck={false}
          placeholder={
            asked.question['ui:placeholder'] ?? (asked.question['ui:field'] === 'ToolPicker' ? 'server/tool' : '')
          }
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            // Enter here adds an entry; the form is sent with its button.
            event.preventDefault();
            add(text);
          }}
          onChange={(event) => known.some(([id]) => id === event.currentTarget.value) && add(event.currentTarget.value)}
        />
        <button type="button" class="button" onClick={() => add(text)} disabled={text.trim() === ''}>
          Add
        </button>
      </span>
      {asked.question['ui:field'] === 'ToolPicker' ? (
        <Known id={listId} of="tool" />
      ) : (
        <datalist id={listId}>
          {known.map(([id, word]) => (
            <option key={id} value={id}>
              {word}
            </option>
          ))}
        </datalist>
      )}
    </div>
  );
}

const KNOWN_MAX = 100;

function useEntities(parameters: Record<string, string>): CatalogItem[] | undefined {
  const path = withQuery('/catalog/entities', { ...parameters, limit: KNOWN_MAX });
  return useData<CatalogPage>(path).data.value?.items;
}

/** What the catalog knows of one class, to choose from while typing. */
function Known({ id, of }: { id: string; of: 'group' | 'tool' }): ComponentChildren {
  const items = useEntities({ class: of }) ?? [];
  return (
    <datalist id={id}>
      {items.map((item) => (
        <option key={item.ref} value={of === 'tool' ? item.title : referenceName(item.ref)}>
          {item.title}
        </option>
      ))}
    </datalist>
  );
}

/** One of the agents that traffic showed and nobody declared. */
function AgentPicker(control: Control) {
  const { value, set } = control;
  const items = useEntities({ class: 'agent', origin: 'discovered' });
  const chosen = textOf(value);
  const names = items?.map((item) => item.title) ?? [];
  if (items?.length === 0 && chosen === '') {
    return <span class="none-known">No undeclared agent was seen yet: send a call with its key, then it is here.</span>;
  }
  return (
    <select {...common(control)} value={chosen} onChange={(event) => set(event.currentTarget.value)}>
      <option value="">Choose …</option>
      {chosen !== '' && !names.includes(chosen) && <option value={chosen}>{chosen}</option>}
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
