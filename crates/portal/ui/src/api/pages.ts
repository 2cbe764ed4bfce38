import { useEffect } from 'preact/hooks';
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
  /** Where the first page ended when these were read. */
  after: string | null;
  pages: Page<T>[];
  problem: string;
}

/**
 * A list that is read page after page: the first kept fresh, the others when asked for. Back finds the others by `name`,
 * which is another one where the path has the time of the day in it.
 */
export function usePages<T>(path: string, name = path): Pages<T> {
  const first = useData<Page<T>>(path);
  // Pages of another list are no rows of this one.
  const [further, setFurther] = useKept<Further<T>>(name, { after: null, pages: [], problem: '' });
  const start = first.data.value;
  const after = start?.next_cursor ?? null;
  const cursor = (further.pages.at(-1) ?? start)?.next_cursor ?? null;
  const isStale = start !== undefined && further.pages.length > 0 && further.after !== after;
  const readOn = (known: Page<T>[], count: number): void => {
    readPages<T>(path, known.at(-1)?.next_cursor ?? after, count).then(
      (pages) => setFurther({ after, pages: [...known, ...pages], problem: '' }),
      (error: unknown) =>
        setFurther({ ...further, problem: error instanceof ApiError ? error.message : String(error) }),
    );
  };
  // Entries that came meanwhile pushed others off the first page, which the pages read before do not have.
  useEffect(() => {
    if (isStale) readOn([], further.pages.length);
  }, [after, further.after]);
  const more = (): void => (isStale ? readOn([], further.pages.length + 1) : readOn(further.pages, 1));
  return {
    first,
    items: start && [...start.items, ...further.pages.flatMap((page) => page.items)],
    more: cursor === null ? null : more,
    problem: further.problem,
  };
}

async function readPages<T>(path: string, from: string | null, count: number): Promise<Page<T>[]> {
  const pages: Page<T>[] = [];
  for (let cursor = from; cursor !== null && pages.length < count; cursor = pages.at(-1)?.next_cursor ?? null) {
    pages.push(await get<Page<T>>(`${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`));
  }
  return pages;
}
