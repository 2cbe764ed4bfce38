import type { ComponentChildren } from 'preact';
import { Icon } from './icon';
import { Ticked } from './ticked';

/** A labelled control of a form, with a line below that says what it means. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div class="field">
      <label>
        <span>{label}</span>
        {children}
      </label>
      {hint && <p>{hint}</p>}
    </div>
  );
}

export function CheckField({
  name,
  label,
  hint,
  checked,
}: {
  name: string;
  label: string;
  hint: string;
  checked?: boolean;
}) {
  return (
    <div class="field check">
      <label>
        <input type="checkbox" name={name} defaultChecked={checked ?? false} /> <span>{label}</span>
      </label>
      <p>{hint}</p>
    </div>
  );
}

export function Problem({ text }: { text: string }) {
  if (!text) return null;
  return (
    <p class="problem" role="alert">
      <Icon name="alert" />{' '}
      <span>
        <Ticked text={text} />
      </span>
    </p>
  );
}
