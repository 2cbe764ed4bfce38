import { useMemo } from 'preact/hooks';
import { sinceInstant } from '../format/since';

/** The instant that a span began, for as long as it is shown: the path of a list must not change by itself. */
export function useSince(id: string): string | null {
  return useMemo(() => sinceInstant(id, Date.now()), [id]);
}
