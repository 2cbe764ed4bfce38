/**
 * The key comes from the same server as the log, so by itself it proves little; that it never changed since this
 * browser first saw it proves more. Keyed by the log's name, since one browser may look at several.
 */

const STORAGE_KEY = 'mizzen.log-keys';

interface Known {
  key: string;
  since: string;
}

type KeyStanding = { state: 'first' } | { state: 'same'; since: string } | { state: 'changed'; since: string };

export function standing(origin: string, key: string, now: string): KeyStanding {
  const all = read();
  const known = all[origin];
  if (!known) {
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ ...all, [origin]: { key, since: now } satisfies Known }));
    return { state: 'first' };
  }
  return { state: known.key === key ? 'same' : 'changed', since: known.since };
}

function read(): Record<string, Known> {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') as Record<string, Known>;
  } catch {
    return {};
  }
}
