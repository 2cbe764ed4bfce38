import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon';

const SAID_MS = 1_500;

/** Copies a text and says so for a moment, in a place of fixed width. */
export function Copy({ text, label, word }: { text: string | (() => string); label: string; word?: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const copy = async (event: MouseEvent): Promise<void> => {
    event.stopPropagation();
    await write(typeof text === 'function' ? text() : text);
    setDone(true);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setDone(false), SAID_MS);
  };
  return (
    <button
      type="button"
      class={word ? 'button small' : 'icon-button'}
      aria-label={word ? undefined : label}
      title={label}
      onClick={copy}
    >
      <Icon name={done ? 'check' : 'copy'} />
      {word && <span>{word}</span>}
      <span class="hidden" role="status">
        {done ? 'Copied' : ''}
      </span>
    </button>
  );
}

/** The clipboard interface exists only in secure contexts; over plain HTTP from another host a selection must do. */
async function write(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** A command to run, with its copy button. */
export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={text} label={`Copy “${text}”`} />
    </div>
  );
}
