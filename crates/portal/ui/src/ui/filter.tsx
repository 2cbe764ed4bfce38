import { useEffect, useRef } from 'preact/hooks';
import { setQuery } from '../location';
import { Icon } from './icon';

/** Typing changes the address, and so the list, once it pauses. */
const PAUSE_MS = 200;

/** One filter of a list, kept in the address. */
export function Pick({
  name,
  label,
  value,
  options,
}: {
  name: string;
  label: string;
  value: string;
  options: [string, string][];
}) {
  const known = value === '' || options.some(([id]) => id === value);
  return (
    <select
      class={value ? 'pick chosen' : 'pick'}
      aria-label={label}
      value={value}
      onChange={(event) => setQuery({ [name]: event.currentTarget.value || null }, true)}
    >
      <option value="">{label}</option>
      {!known && <option value={value}>{value}</option>}
      {options.map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
}

/** A filter that came by a link and has no list to choose from. */
export function Given({ name, value }: { name: string; value: string }) {
  return (
    <button
      type="button"
      class="pick chosen"
      aria-label={`Remove filter ${name} ${value}`}
      onClick={() => setQuery({ [name]: null }, true)}
    >
      {name}: {value} <Icon name="cross" />
    </button>
  );
}

export function TextFilter({ name, label, value }: { name: string; label: string; value: string }) {
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => {
    // The address may change from elsewhere; text being typed is not touched.
    if (box.current && document.activeElement !== box.current) box.current.value = value;
  }, [value]);
  const onInput = (text: string): void => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setQuery({ [name]: text.trim() || null }), PAUSE_MS);
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
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
    </div>
  );
}
