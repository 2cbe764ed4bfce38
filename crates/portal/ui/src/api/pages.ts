import { useKept } from '../kept';
import { useData, type Resource } from './cache';
import { ApiError, get } from './client';
import type { Page } from './eval';

export interface Pages<T> {
  first: Resource<Page<T>>;
  items: T[] | undefined;
  /** Reads the next page; null at the end of the list. */
  more: (() => void) | null;
  problem: string;
}

interface Further<T> {
  pages: Page<T>[];
  problem: string;
}

/** A list that is read page after page: the first kept fresh, the others when asked for. */
export function usePages<T>(path: string): Pages<T> {
  const first = useData<Page<T>>(path);
  // Pages of another list are no rows of this one.
  const [further, setFurther] = useKept<Further<T>>(path, { pages: [], problem: '' });
  const start = first.data.value;
  const cursor = (further.pages.at(-1) ?? start)?.next_cursor ?? null;
  const more = (): void => {
    const next = `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor ?? '')}`;
    get<Page<T>>(next).then(
      (page) => setFurther({ pages: [...further.pages, page], problem: '' }),
      (error: unknown) =>
        setFurther({ ...further, problem: error instanceof ApiError ? error.message : String(error) }),
    );
  };
  return {
    first,
    items: start && [...start.items, ...further.pages.flatMap((page) => page.items)],
    more: cursor === null ? null : more,
    problem: further.problem,
  };
}
