import '../../styles/docs.css';
import { useEffect, useRef } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { SearchHit } from '../../api/catalog';
import type { DocsEntry, DocsPage } from '../../api/catalog-shapes';
import { withQuery } from '../../api/client';
import type { List } from '../../api/shapes';
import { navigate, query } from '../../location';
import { Ago } from '../../ui/ago';
import { TextFilter } from '../../ui/filter';
import { Icon } from '../../ui/icon';
import { Failure, Empty, Waiting } from '../../ui/waiting';
import { HowDocsComeIn } from './come-in';
import { below, docsApi, docsPath, pageOfLink } from './paths';

/** The documentation of one entity: its pages, the one that is open, and what is in it. `?doc=` names the page. */
export default function Docs({ reference }: { reference: string }) {
  const path = query.value.get('doc') ?? '';
  const page = useData<DocsPage>(docsApi(reference, path));
  const text = query.value.get('find') ?? '';
  const shown = page.data.value;
  const error = page.error.value;
  if (!shown && error) {
    return error.status === 404 ? (
      <NoDocs reference={reference} path={path} />
    ) : (
      <Failure error={error} retry={() => void page.reload()} />
    );
  }
  if (!shown) return <Waiting rows={8} />;
  return (
    <div class="docs">
      <div class="docs-side">
        <TextFilter name="find" label="Search these pages" value={text} />
        {text ? (
          <Found reference={reference} text={text} />
        ) : (
          <nav aria-label={`Pages of ${shown.site}`}>
            <Pages entries={shown.navigation} reference={reference} open={shown.path} />
          </nav>
        )}
      </div>
      <article class="docs-page">
        <Rendered key={shown.path} page={shown} reference={reference} />
        <Foot page={shown} reference={reference} />
      </article>
      {shown.toc.length > 1 && <Toc page={shown} />}
    </div>
  );
}

function NoDocs({ reference, path }: { reference: string; path: string }) {
  if (path) {
    return (
      <Empty title={`There is no page ${path}`}>
        <p>
          <a href={docsPath(reference, '')}>The first page of this documentation</a>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="No documentation yet">
      <HowDocsComeIn />
    </Empty>
  );
}

function Pages({ entries, reference, open }: { entries: DocsEntry[]; reference: string; open: string }) {
  return (
    <ul>
      {entries.map((entry) => (
        <li key={`${entry.path}:${entry.title}`}>
          {entry.path === null ? (
            <span class="docs-section">{entry.title}</span>
          ) : (
            <a href={docsPath(reference, entry.path)} aria-current={entry.path === open ? 'page' : undefined}>
              {entry.title}
            </a>
          )}
          {entry.children.length > 0 && <Pages entries={entry.children} reference={reference} open={open} />}
        </li>
      ))}
    </ul>
  );
}

const FOUND_MAX = 60;

/** Pages of this entity among what the whole catalog finds. */
function Found({ reference, text }: { reference: string; text: string }) {
  const hits = useData<List<SearchHit>>(withQuery('/catalog/search', { q: text, limit: FOUND_MAX }));
  const found = hits.data.value?.items.filter((hit) => hit.place === 'documentation' && hit.ref === reference);
  if (!found) return <Waiting rows={3} />;
  if (found.length === 0) return <p class="calm">No page of this documentation has these words.</p>;
  return (
    <ul class="docs-found" aria-label="Pages found">
      {found.map((hit) => (
        <li key={hit.path}>
          <a href={docsPath(reference, hit.path ?? '')} data-row>
            {hit.title}
          </a>
          <p>{hit.snippet}</p>
        </li>
      ))}
    </ul>
  );
}

/** HTML that the server rendered and sanitised. Links between pages stay in the portal. */
function Rendered({ page, reference }: { page: DocsPage; reference: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What scrolls must be reachable without a mouse.
    for (const block of box.current?.querySelectorAll<HTMLElement>('pre, table') ?? []) {
      block.tabIndex = 0;
    }
    const id = decodeURIComponent(location.hash.slice(1));
    if (id) document.getElementById(id)?.scrollIntoView();
  }, [page.path]);
  const onClick = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest<HTMLAnchorElement>('a[href]');
    const to = link && pageOfLink(reference, link.getAttribute('href') ?? '', page.path);
    if (to === null || to === undefined) return;
    event.preventDefault();
    if (to.page === page.path) document.getElementById(to.id)?.scrollIntoView();
    else navigate(docsPath(reference, to.page) + (to.id ? `#${to.id}` : ''));
  };
  return <div class="rendered" ref={box} onClick={onClick} dangerouslySetInnerHTML={{ __html: below(page.html) }} />;
}

function Foot({ page, reference }: { page: DocsPage; reference: string }) {
  return (
    <footer class="docs-foot">
      <nav aria-label="Previous and next page">
        {page.previous && (
          <a class="button" href={docsPath(reference, page.previous.path)} rel="prev">
            <Icon name="back" /> <span class="hidden">Previous: </span>
            {page.previous.title}
          </a>
        )}
        {page.next && (
          <a class="button next" href={docsPath(reference, page.next.path)} rel="next">
            <span class="hidden">Next: </span>
            {page.next.title} <Icon name="chevron" />
          </a>
        )}
      </nav>
      <p class="faint">
        Last changed <Ago at={page.updated_at} />
        {page.source_url && (
          <>
            , <a href={page.source_url}>its source</a>
          </>
        )}
      </p>
    </footer>
  );
}

function Toc({ page }: { page: DocsPage }) {
  const jump = (event: MouseEvent, id: string): void => {
    event.preventDefault();
    const heading = document.getElementById(id);
    heading?.scrollIntoView();
    heading?.setAttribute('tabindex', '-1');
    heading?.focus({ preventScroll: true });
  };
  return (
    <nav class="docs-toc" aria-label="On this page">
      <h2>On this page</h2>
      <ul>
        {page.toc.map(({ level, id, title }) => (
          <li key={id} class={`toc-${level}`}>
            <a href={`#${id}`} onClick={(event) => jump(event, id)}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
