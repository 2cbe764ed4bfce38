import { useEffect, useRef } from 'preact/hooks';
import { address, query, setQuery } from '../location';
import { shownName } from '../format/name';
import { revealedText } from '../format/revealed';
import { SINCE } from '../format/since';
import { Icon } from './icon';
import { Name } from './name';

/** Typing changes the address, and so the list, once it pauses. */
const PAUSE_MS = 200;

/** One filter of a list, kept in the address; `also` changes with it. */
export function Pick({
  name,
  label,
  value,
  options,
  also,
}: {
  name: string;
  label: string;
  value: string;
  options: [string, string][];
  also?: Record<string, string | null>;
}) {
  const known = value === '' || options.some(([id]) => id === value);
  return (
    <select
      class={value ? 'pick chosen' : 'pick'}
      aria-label={label}
      value={value}
      onChange={(event) => setQuery({ ...also, [name]: event.currentTarget.value || null }, true)}
    >
      <option value="">{label}</option>
      {!known && <option value={value}>{revealedText(shownName(value))}</option>}
      {options.map(([id, word]) => (
        <option key={id} value={id}>
          {revealedText(shownName(word))}
        </option>
      ))}
    </select>
  );
}

/** How far back a list goes. A span that nobody knows limits nothing, so it says that instead of looking chosen. */
export function SincePick({ value }: { value: string }) {
  const known = value === '' || SINCE.some(([id]) => id === value);
  return (
    <>
      <Pick name="since" label="Any time" value={known ? value : ''} options={SINCE.map(([id, word]) => [id, word])} />
      {!known && <Given name="since" value={value} remark="is not understood" />}
    </>
  );
}

/** A filter that came by a link and has no list to choose from. */
export function Given({ name, value, remark }: { name: string; value: string; remark?: string }) {
  return (
    <button
      type="button"
      class="pick chosen"
      aria-label={`Remove filter ${name} ${value}`}
      onClick={() => setQuery({ [name]: null }, true)}
    >
      {name}: <Name text={value} /> {remark} <Icon name="cross" />
    </button>
  );
}

/** Back undoes all that was typed in one go: the first change makes an entry of the history, further ones change that. */
export function TextFilter({ name, label, value }: { name: string; label: string; value: string }) {
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  /** What this box last wrote into the address; null until it has an entry of its own. */
  const written = useRef<string | null>(null);
  useEffect(() => {
    // The address changed elsewhere. What it holds by typing is not touched, nor are spaces that it does not hold.
    if (!box.current || value === written.current) return;
    written.current = null;
    box.current.value = value;
  }, [value]);
  const forget = (): void => {
    window.clearTimeout(timer.current);
    timer.current = undefined;
  };
  useEffect(() => forget, []);
  // Who goes on before the pause, as by Clear, means the list without what was not looked for yet.
  useEffect(
    () =>
      address.subscribe(() => {
        if (!box.current || timer.current === undefined) return;
        forget();
        box.current.value = query.peek().get(name) ?? '';
      }),
    [name],
  );
  const write = (text: string): void => {
    if (text === value) return;
    const isFirst = written.current === null;
    written.current = text;
    setQuery({ [name]: text || null }, isFirst);
  };
  const onInput = (text: string): void => {
    forget();
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      write(text.trim());
    }, PAUSE_MS);
  };
  return (
    <div class="text-filter">
      <Icon name="search" />
      <input
        ref={box}
        type="search"
        data-filter
        aria-label={label}
        placeholder={label}
        defaultValue={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onFocus={() => (written.current = null)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
    </div>
  );
}
