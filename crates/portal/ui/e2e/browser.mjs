import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

/** Debian's Chromium, one browser for all tests; contexts keep them apart. */

const EXECUTABLE = process.env.MIZZEN_BROWSER ?? '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SHOTS = process.env.MIZZEN_SCREENSHOTS;

export function chromiumIsThere() {
  return existsSync(EXECUTABLE);
}

export async function launch() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** A page that is signed in, fails the test on errors of its scripts, and knows its server. `expected` is a status that it is there to provoke, `font` takes the place of the system's. */
export async function open(
  browser,
  { url, token },
  { scheme = 'light', width = 1280, height = 800, signedIn = true, expected = '401', font = '' } = {},
) {
  const context = await browser.newContext({
    baseURL: url,
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: 'reduce',
  });
  if (signedIn) {
    // As a browser would send it: the server checks where a change comes from.
    const answer = await context.request.post('/api/v1/session', { data: { token }, headers: { origin: url } });
    if (!answer.ok()) throw new Error(`sign-in answered ${answer.status()}: ${await answer.text()}`);
  }
  if (font) await context.addInitScript(useFont, font);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes(expected)) problems.push(message.text());
  });
  return {
    page,
    close: async () => {
      // An answer that a test changes may still be on its way: its end is no failure of a page that nobody looks at.
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await context.close();
      if (problems.length > 0) throw new Error(`the page reported: ${problems.join('; ')}`);
    },
  };
}

function useFont(font) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:root { --sans: '${font}' }`);
  document.adoptedStyleSheets = [sheet];
}

/** Serious and critical findings of axe, as lines that say what and where. */
export async function findings(page) {
  await page.evaluate(axe.source);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help} at ${nodes
          .map((node) => node.target.join(' '))
          .slice(0, 4)
          .join(', ')}`,
    );
}

export async function screenshot(page, name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** As long as Playwright waits by itself: a machine that does much else is slow, not wrong. */
const PATIENCE_MS = 30_000;

/** Waits until `check` holds in the page, and says `what` was awaited when it never does. */
export async function until(page, what, check, argument) {
  await page.waitForFunction(check, argument, { timeout: PATIENCE_MS }).catch(() => {
    throw new Error(`waited in vain until ${what}`);
  });
}

/** Waits until `check` holds in the test itself, such as for what was asked of the server. */
export async function eventually(what, check) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

/** Waits until `text` is on the page. */
export const shown = (page, text) =>
  until(page, `“${text}” is shown`, (wanted) => document.querySelector('#main')?.textContent?.includes(wanted), text);

export const search = (page) => new URL(page.url()).searchParams;

/** A call of the API as the signed-in browser makes it: the server checks where a change comes from. */
export async function call(page, server, method, path, data) {
  const type = typeof data === 'string' ? { 'content-type': 'text/plain; charset=utf-8' } : {};
  const answer = await page.request.fetch(`/api/v1${path}`, { method, data, headers: { origin: server.url, ...type } });
  const text = await answer.text();
  return { status: answer.status(), body: /^[[{]/.test(text) ? JSON.parse(text) : text };
}

/** A door for answers: what comes through waits until it is opened. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}
