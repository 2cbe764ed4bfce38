import type { Approval } from '../../api/gate';

/** The one that expires first on top: it is what somebody has to answer now. */
export const byTimeLeft = (items: Approval[]): Approval[] =>
  [...items].sort((a, b) => Date.parse(a.expires_at) - Date.parse(b.expires_at));
