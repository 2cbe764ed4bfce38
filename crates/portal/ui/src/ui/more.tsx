import { useEffect, useRef } from 'preact/hooks';
import type { Pages } from '../api/pages';
import { Problem } from './field';

/** The next page of a list, and what went wrong with the last one asked for. */
export function NextPage({ pages: { more, problem } }: { pages: Pages<unknown> }) {
  return (
    <>
      {more && (
        <button type="button" class="more" onClick={more}>
          Show more
        </button>
      )}
      <Problem text={problem} />
    </>
  );
}

interface Ahead {
  /** What names the end of the list: as soon as it is another one, it is watched anew. */
  end: unknown[];
  more: () => void;
  pixels?: number;
}

/** Reads the next page before its place is reached; the button does the same where scrolling cannot. */
export function ReadAhead({ end, more, pixels = 600 }: Ahead) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!button.current) return;
    const watcher = new IntersectionObserver((seen) => seen[0]?.isIntersecting && more(), {
      rootMargin: `${pixels}px`,
    });
    watcher.observe(button.current);
    return () => watcher.disconnect();
  }, end);
  return (
    <button type="button" class="more" ref={button} onClick={more}>
      Show more
    </button>
  );
}
