import type { ComponentChildren, JSX } from 'preact';
import { may, session, type Role } from '../api/session';
import { Icon } from './icon';

/** Buttons and forms that only some roles may use. The server decides; this spares people the refusal. */

const roleNoun: Record<Role, string> = {
  viewer: 'a viewer',
  developer: 'a developer',
  approver: 'an approver',
  administrator: 'an administrator',
};

export const needsWords = (least: Role): string => `This needs ${roleNoun[least]}.`;

type ButtonProps = Omit<JSX.IntrinsicElements['button'], 'disabled' | 'title'> & {
  least: Role;
  disabled?: boolean;
  title?: string;
};

export function RoleButton({ least, disabled, title, children, ...rest }: ButtonProps) {
  const allowed = may(least);
  const why = allowed ? title : needsWords(least);
  return (
    <button type="button" {...rest} disabled={disabled === true || !allowed} {...(why ? { title: why } : {})}>
      {children}
    </button>
  );
}

/** What only some may do; the others read who may. Nothing is shown until the role is known. */
export function ForRole({ least, what, children }: { least: Role; what?: string; children: ComponentChildren }) {
  if (may(least)) return <>{children}</>;
  const known = session.value;
  if (!known || what === undefined) return null;
  return (
    <p class="calm for-role">
      <Icon name="lock" />
      <span>
        {what} needs {roleNoun[least]}; you are signed in as {roleNoun[known.role]}.
      </span>
    </p>
  );
}
