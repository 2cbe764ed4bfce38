import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { shownName } from '../format/name';
import { revealedText } from '../format/revealed';
import { Name } from './name';

/** The heading of a page and of the browser's tab. */
export function PageHead({
  title,
  up,
  children,
}: {
  title: string;
  up?: { href: string; name: string };
  children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${revealedText(shownName(title))} · Mizzen`;
  }, [title]);
  return (
    <div class="page-head">
      {up && (
        <a class="up" href={up.href}>
          {up.name} <span aria-hidden="true">/</span>
        </a>
      )}
      <h1 tabIndex={-1} title={title}>
        <Name text={title} />
      </h1>
      {children}
    </div>
  );
}
