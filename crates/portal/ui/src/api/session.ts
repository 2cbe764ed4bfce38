import { signal } from '@preact/signals';
import { get } from './client';
import type { Session } from './shapes';

/** Who is signed in. Read when something first asks, so that the first page does not wait for it. */

export type Role = Session['role'];

const ORDER: Role[] = ['viewer', 'developer', 'approver', 'administrator'];

export const session = signal<Session | undefined>(undefined);
let pending: Promise<void> | null = null;

/** Each role includes those before it. */
export const includes = (role: Role, least: Role): boolean => ORDER.indexOf(role) >= ORDER.indexOf(least);

/** Whether the session may do what needs `least`. Until it is known, it may not. */
export function may(least: Role): boolean {
  const known = session.value;
  if (!known) void loadSession();
  return known !== undefined && includes(known.role, least);
}

function loadSession(): Promise<void> {
  pending ??= get<Session>('/session')
    .then(
      (read) => {
        session.value = read;
      },
      // Signed out or unreachable: the page itself says so, and nothing is offered meanwhile.
      () => undefined,
    )
    .finally(() => {
      pending = null;
    });
  return pending;
}

export function forgetSession(): void {
  session.value = undefined;
}
