import type { ComponentChildren } from 'preact';
import type { Message, SpanDetail, StepView } from '../../api/shapes';
import { unwrapped } from '../../format/json';
import { exact } from '../../format/number';
import { Copy } from '../../ui/copy';
import { Json } from '../../ui/json';
import { Revealed } from '../../ui/revealed';
import { MessageParts } from './message';
import { StepError } from './step-error';

export function ContentSections({ span, step }: { span: SpanDetail; step: StepView | undefined }) {
  const { content } = span;
  const message = step?.error_message ?? span.status_message;
  return (
    <>
      {message && span.outcome === 'error' && <StepError message={message} source={span.source} />}
      {isGiven(content.tool_arguments) && (
        <Section title="Arguments" open>
          <Json value={unwrapped(content.tool_arguments)} label="Arguments" />
        </Section>
      )}
      {isGiven(content.tool_result) && (
        <Section title="Result" open>
          <Json value={unwrapped(content.tool_result)} label="Result" />
        </Section>
      )}
      {content.output.length > 0 && (
        <Section title="Output" open>
          <Messages messages={content.output} />
        </Section>
      )}
      {content.input.length > 0 && (
        <Section title="Input" count={content.input.length} open={content.output.length === 0}>
          <Messages messages={content.input} />
        </Section>
      )}
      {content.system && (
        <Section title="System prompt">
          <div class="prose">{content.system}</div>
        </Section>
      )}
      {isGiven(content.tool_definitions) && (
        <Section
          title="Tool definitions"
          count={Array.isArray(content.tool_definitions) ? content.tool_definitions.length : undefined}
        >
          <Json value={content.tool_definitions} label="Tool definitions" />
        </Section>
      )}
      <Attributes title="Attributes" values={span.attributes} open />
      <Items title="Events" values={span.events} />
      <Items title="Links" values={span.links} />
      <Attributes title="Resource" values={span.resource} />
      <Attributes title="Scope" values={span.scope} />
    </>
  );
}

function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '';
}

function Section({
  title,
  count,
  open,
  children,
}: {
  title: string;
  count?: number | undefined;
  open?: boolean;
  children: ComponentChildren;
}) {
  return (
    <details class="section" open={open}>
      <summary>
        {title}
        {count !== undefined && <span class="faint"> {exact(count)}</span>}
      </summary>
      {children}
    </details>
  );
}

function Messages({ messages }: { messages: Message[] }) {
  return (
    <ol class="messages">
      {messages.map((message, index) => (
        <li key={index} class={message.role}>
          <b>
            <Revealed text={message.name ? `${message.role} · ${message.name}` : message.role} />
          </b>
          <MessageParts message={message} />
        </li>
      ))}
    </ol>
  );
}

function Items({ title, values }: { title: string; values: unknown }) {
  if (!Array.isArray(values) || values.length === 0) return null;
  return (
    <Section title={title} count={values.length}>
      <Json value={values} label={title} />
    </Section>
  );
}

/** Values longer than this have a block of their own. */
const INLINE_CHARACTERS_MAX = 160;

/** What the sender gave is shown whatever it is; an object is what the conventions ask for. */
function Attributes({ title, values, open }: { title: string; values: unknown; open?: boolean }) {
  const known = typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : {};
  const names = Object.keys(known).sort();
  if (names.length === 0) return null;
  return (
    <Section title={title} count={names.length} open={open ?? false}>
      <dl class="attributes">
        {names.map((name) => (
          <Attribute key={name} name={name} value={known[name]} />
        ))}
      </dl>
    </Section>
  );
}

function Attribute({ name, value }: { name: string; value: unknown }) {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {text.length > INLINE_CHARACTERS_MAX ? (
          <Json value={unwrapped(value)} label={name} />
        ) : (
          <code>
            <Revealed text={text} />
          </code>
        )}
        {text.length <= INLINE_CHARACTERS_MAX && <Copy text={text} label={`Copy ${name}`} />}
      </dd>
    </div>
  );
}
