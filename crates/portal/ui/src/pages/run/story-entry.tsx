import type { ComponentChildren } from 'preact';
import type { Message, StoryEntry } from '../../api/shapes';
import { summary, unwrapped } from '../../format/json';
import { dollars } from '../../format/money';
import { exact, plural } from '../../format/number';
import { duration, offset } from '../../format/time';
import { totalTokens, usageSentence } from '../../format/words';
import { Icon, type IconName } from '../../ui/icon';
import { Json } from '../../ui/json';
import { Name } from '../../ui/name';
import { Revealed } from '../../ui/revealed';
import { SourceChip, Status } from '../../ui/status';
import { MessageParts } from './message';
import type { StepChoice } from './selection';
import { StepError } from './step-error';

interface Props {
  entry: StoryEntry;
  selection: StepChoice;
}

export function Entry({ entry, selection }: Props) {
  const isSelected = selection.spanId.value === entry.span_id;
  const speaker = speakerOf(entry);
  return (
    <li
      class={`entry ${entry.kind} ${entry.role ?? ''} ${entry.outcome}${isSelected ? ' selected' : ''}`}
      data-span={entry.span_id}
    >
      <button
        type="button"
        class="entry-head"
        data-row
        aria-pressed={isSelected}
        onClick={() => selection.select(entry.span_id)}
      >
        <Icon name={speaker.icon} />
        <b>
          <Name text={speaker.name} />
        </b>
        {speaker.note && (
          <span class="faint entry-note">
            <Name text={speaker.note} />
          </span>
        )}
        {entry.outcome === 'error' && <Status outcome="error" />}
        <SourceChip source={entry.source} />
        <span class="entry-facts">{facts(entry)}</span>
      </button>
      <Body entry={entry} />
    </li>
  );
}

function speakerOf(entry: StoryEntry): { icon: IconName; name: string; note: string } {
  switch (entry.kind) {
    case 'tool_call':
      return { icon: 'tool', name: entry.tool ?? 'Tool', note: calledNote(entry) };
    case 'agent':
      return { icon: 'agent', name: entry.agent ?? 'Agent', note: 'starts' };
    case 'error':
      return { icon: 'failed', name: entry.tool ?? entry.model ?? entry.agent ?? 'Error', note: '' };
    case 'message':
      break;
  }
  switch (entry.role) {
    case 'user':
      return { icon: 'user', name: 'User', note: entry.message?.name ?? '' };
    case 'system':
      return { icon: 'settings', name: 'System', note: '' };
    case 'tool':
      return { icon: 'tool', name: 'Tool result', note: entry.tool ?? '' };
    default:
      // Without a message nobody is known to have spoken: an embedding has none, another may not be captured.
      return {
        icon: 'model',
        name: entry.agent ?? (entry.message ? 'Assistant' : 'Model call'),
        note: entry.model ?? '',
      };
  }
}

/** What is no call of a tool, and what nobody saw being made. */
function calledNote(entry: StoryEntry): string {
  if ((entry.duration_ns ?? null) === null) return 'told by the conversation';
  return entry.step_kind === 'tool_call' ? '' : entry.step_kind;
}

function facts(entry: StoryEntry): ComponentChildren {
  const tokens = totalTokens(entry.usage);
  return (
    <>
      {tokens > 0 && entry.usage && <span title={usageSentence(entry.usage)}>{plural(tokens, 'token')}</span>}
      {entry.cost_usd !== null && entry.cost_usd !== undefined && (
        <span title="Estimated from list prices">{dollars(entry.cost_usd)}</span>
      )}
      {hasDuration(entry) && <span>{duration(entry.duration_ns ?? 0)}</span>}
      <span class="entry-at" title="Since the run started">
        {offset(entry.at_offset_ns)}
      </span>
    </>
  );
}

/** What people said took no time of its own. */
function hasDuration(entry: StoryEntry): boolean {
  return (entry.duration_ns ?? 0) > 0 && entry.kind !== 'agent' && entry.role !== 'user' && entry.role !== 'system';
}

/** Of a run that is too large; the panel of the step reads it. */
const UNREAD = 'Not read here: select it to see what it says';

function Body({ entry }: { entry: StoryEntry }) {
  if (entry.kind === 'tool_call') return <ToolCall entry={entry} />;
  if (entry.kind === 'agent') return null;
  if (entry.role === 'system' && entry.message) return <SystemPrompt message={entry.message} />;
  return (
    <div class="entry-body">
      {entry.content_omitted && <p class="faint">{UNREAD}</p>}
      {entry.message && <MessageParts message={entry.message} callsApart />}
      {entry.error_message && <StepError message={entry.error_message} source={entry.source} />}
    </div>
  );
}

/** Prompts are long and rarely why one came; a short one is no trouble. */
const PROMPT_OPEN_CHARACTERS = 400;

function SystemPrompt({ message }: { message: Message }) {
  const texts = message.parts.flatMap((part) => (part.type === 'text' ? [part.content] : []));
  const text = texts.join('\n\n');
  if (text.length <= PROMPT_OPEN_CHARACTERS) {
    return (
      <div class="entry-body">
        <MessageParts message={message} />
      </div>
    );
  }
  return (
    <details class="tool-call">
      <summary>
        <Icon name="chevron" />
        <span class="tool-line prompt-line">{summary(text, 140)}</span>
        <span class="faint">{exact(text.length)} characters</span>
      </summary>
      <MessageParts message={message} />
    </details>
  );
}

/** Arguments and result in one line each; what failed is open, since that is what one came for. */
function ToolCall({ entry }: { entry: StoryEntry }) {
  const given = unwrapped(entry.arguments);
  const result = unwrapped(entry.result);
  const hasResult = result !== null && result !== undefined;
  const nothing = entry.content_omitted ? UNREAD : 'None recorded';
  return (
    <details class="tool-call" open={entry.outcome === 'error'}>
      <summary>
        <Icon name="chevron" />
        <span class="tool-line">
          <code>
            <Revealed text={summary(given) || (entry.content_omitted ? UNREAD : 'no arguments')} />
          </code>
          {hasResult && (
            <code class="result">
              → <Revealed text={summary(result)} />
            </code>
          )}
        </span>
      </summary>
      {entry.error_message && <StepError message={entry.error_message} source={entry.source} />}
      <h4>Arguments</h4>
      {given === null || given === undefined ? (
        <p class="faint">{nothing}</p>
      ) : (
        <Json value={given} label="Arguments" />
      )}
      <h4>Result</h4>
      {hasResult ? <Json value={result} label="Result" /> : <p class="faint">{nothing}</p>}
    </details>
  );
}
