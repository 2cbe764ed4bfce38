import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Problem } from './field';

/** Asks why something is done, and does it: Enter or its button sends, Escape leaves it. Another question takes another `key`. */
export function WhyForm({
  ask,
  placeholder,
  required = false,
  submit,
  tone,
  keep,
  problem,
  busy,
  give,
  cancel,
}: {
  ask: ComponentChildren;
  placeholder?: string;
  required?: boolean;
  submit: ComponentChildren;
  tone: 'primary' | 'danger';
  /** What is left as it is. */
  keep: string;
  problem: string;
  busy: boolean;
  give: (reason: string) => void;
  cancel: () => void;
}) {
  const reason = useRef<HTMLInputElement>(null);
  // Before the next key arrives: what is typed right after the key of an action belongs into the field.
  useLayoutEffect(() => reason.current?.focus(), []);
  return (
    <form
      class="answer asking-why"
      onSubmit={(event) => {
        event.preventDefault();
        give(reason.current?.value.trim() ?? '');
      }}
    >
      <label>
        <span>{ask}</span>
        <input
          ref={reason}
          name="reason"
          maxLength={500}
          autocomplete="off"
          required={required}
          placeholder={placeholder}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.preventDefault();
            event.stopPropagation();
            cancel();
          }}
        />
      </label>
      <div class="form-foot">
        <button type="submit" class={`button ${tone}`} disabled={busy}>
          {submit} <kbd>Enter</kbd>
        </button>
        <button type="button" class="button quiet" onClick={cancel}>
          {keep}
        </button>
      </div>
      <Problem text={problem} />
    </form>
  );
}
