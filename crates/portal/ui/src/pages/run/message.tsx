import { useState } from 'preact/hooks';
import type { Message, Part } from '../../api/shapes';
import { summary, unwrapped } from '../../format/json';
import { bytes, exact } from '../../format/number';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { Name, Names } from '../../ui/name';
import { Revealed } from '../../ui/revealed';

const SHOWN_CHARACTERS_MAX = 1_500;
/** How an answer ends that is whole, in the words of different providers. */
const USUAL_ENDS = new Set([
  'stop',
  'STOP',
  'stop_sequence',
  'end_turn',
  'completed',
  'tool_calls',
  'tool_use',
  'function_call',
]);

/** `callsApart`: every tool call has an entry of its own, so here their names are enough. */
export function MessageParts({ message, callsApart = false }: { message: Message; callsApart?: boolean }) {
  const parts = callsApart ? message.parts.filter((part) => part.type !== 'tool_call') : message.parts;
  const called = callsApart ? message.parts.flatMap((part) => (part.type === 'tool_call' ? [part.name] : [])) : [];
  return (
    <>
      {parts.map((part, index) => (
        <PartView key={index} part={part} />
      ))}
      {called.length > 0 && (
        <p class="call-line">
          <Icon name="tool" /> calls <Names texts={called} />
        </p>
      )}
      {message.finish_reason && !USUAL_ENDS.has(message.finish_reason) && (
        <p class="faint">Ended because of {message.finish_reason}</p>
      )}
    </>
  );
}

function PartView({ part }: { part: Part }) {
  switch (part.type) {
    case 'text':
      return <Prose text={part.content} />;
    case 'reasoning':
      return (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <Prose text={part.content} />
        </details>
      );
    case 'tool_call':
      return (
        <p class="call-line">
          <Icon name="tool" /> calls{' '}
          <b>
            <Name text={part.name} />
          </b>{' '}
          <code>
            <Revealed text={summary(unwrapped(part.arguments), 160)} />
          </code>
        </p>
      );
    case 'tool_call_response':
      return <Json value={unwrapped(part.response)} label={`Result of ${part.name ?? 'a tool'}`} />;
    case 'media':
      return (
        <p class="call-line">
          <Icon name="copy" /> {part.modality}{' '}
          <code>{[part.mime_type, part.uri, part.bytes ? bytes(part.bytes) : null].filter(Boolean).join(' · ')}</code>
        </p>
      );
    case 'other':
      return <Json value={part.value} label="Other content" />;
  }
}

function Prose({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const cut = !all && text.length > SHOWN_CHARACTERS_MAX;
  return (
    <div class="prose">
      {cut ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text}
      {cut && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show all {exact(text.length)} characters
        </button>
      )}
    </div>
  );
}
