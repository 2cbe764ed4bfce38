import { entityApi } from '../../api/catalog';
import { entityPath } from '../../router';

/** Addresses of documentation, as pure functions. */

const encoded = (path: string): string => path.split('/').filter(Boolean).map(encodeURIComponent).join('/');

/** In the API; an empty path is the first page. */
export const docsApi = (reference: string, path: string): string =>
  entityApi(reference, path ? `/docs/${encoded(path)}` : '/docs');

/** In the portal. */
export const docsPath = (reference: string, path: string): string =>
  `${entityPath(reference, 'docs')}${path ? `&doc=${encodeURIComponent(path)}` : ''}`;

/**
 * The page that a link of a rendered page leads to, when it is one of this documentation. The server writes such links as
 * `/catalog/kind/namespace/name/docs/path`; `#id` alone stays on the page.
 */
export function pageOfLink(reference: string, href: string, open: string): { page: string; id: string } | null {
  const hash = href.indexOf('#');
  const id = hash < 0 ? '' : href.slice(hash + 1);
  const path = hash < 0 ? href : href.slice(0, hash);
  if (path === '') return { page: open, id };
  const base = `${entityPath(reference)}/docs/`;
  if (!path.startsWith(base)) return null;
  return { page: path.slice(base.length).split('/').map(decodeURIComponent).join('/'), id };
}

/** The page itself has the only heading of the first level; the title of what was written comes below it. */
export const below = (html: string): string =>
  html.replace(/<h1(?=[ >])/g, '<h2 data-title=""').replace(/<\/h1>/g, '</h2>');
