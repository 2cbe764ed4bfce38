import assert from 'node:assert/strict';
import { findings, open, screenshot, until } from './browser.mjs';
import { catalogPages, catalogSubject } from './pages-catalog.mjs';
import { evalPages, evalSubject } from './pages-eval.mjs';
import { goldenPages, goldenSubject } from './pages-golden-paths.mjs';
import { permissionPages, permissionSubject } from './pages-permission.mjs';

/** Every page in light and dark, wide and narrow: it shows its heading, axe finds nothing serious. */

/** Much wider than most systems' fonts, and what a Linux desktop shows: whatever fits in it fits. */
const WIDE_FONT = 'DejaVu Sans';
const LOOKS = [
  { scheme: 'light', width: 1280, height: 800 },
  { scheme: 'dark', width: 1280, height: 800, font: WIDE_FONT },
  { scheme: 'light', width: 390, height: 844 },
  { scheme: 'dark', width: 390, height: 844, font: WIDE_FONT },
];

/** The pages, and what must be there before they are looked at. `run` is a run with steps, best a failed one. */
const PAGES = (run, agent, model) => [
  ['home', '/', '.totals'],
  ['home-table', '/?chart=table', '.hours table'],
  ['runs', '/runs', 'table.runs tbody tr'],
  ['story', run, '.story li'],
  ['waterfall', `${run}?tab=waterfall`, '[role=treegrid] .grid-row'],
  ['waterfall-spans', `${run}?tab=waterfall&rows=spans`, '[role=treegrid] .grid-row'],
  ['graph', `${run}?tab=graph`, '.drawing .node'],
  ['graph-table', `${run}?tab=graph&as=table`, '.run-view table'],
  ['agents', '/agents', 'table.rows tbody tr'],
  ['agent', `/agents/${encodeURIComponent(agent)}`, '.run-facts'],
  ['models', '/models', 'table.rows tbody tr'],
  ['model', `/models/${encodeURIComponent(model)}`, '.run-facts'],
  [
    'sql',
    `/sql?q=${encodeURIComponent('SELECT run_id, agent, status, duration_ms, cost_usd FROM runs LIMIT 20')}`,
    '.result-rows tbody tr',
  ],
  ['settings', '/settings', '.line-form'],
  ['providers', '/settings?tab=providers', '.line-form'],
  ['connect', '/settings?tab=connect', '.connect'],
  ['missing', '/no/such/page', '.empty'],
];

/** Picks what the pages are about: the newest failed run with steps, else the newest with steps. */
export async function subject(page) {
  const read = async (path) => (await page.request.get(`/api/v1${path}`)).json();
  const { items } = await read('/runs?limit=100');
  const withSteps = items.filter((run) => run.steps > 0 && run.steps < 1_000);
  // Of failed runs the one with most steps shows most.
  const chosen =
    withSteps.filter((run) => run.outcome === 'error').sort((a, b) => b.steps - a.steps)[0] ?? withSteps[0];
  assert.ok(chosen, 'the server holds no run with steps');
  const known = (await read('/runs/run_order_1042').catch(() => null))?.summary ?? chosen;
  const agents = await read('/agents');
  const models = await read('/models');
  return {
    catalog: catalogPages(await catalogSubject(read)),
    golden: goldenPages(await goldenSubject(read)),
    evaluation: evalPages(await evalSubject(read)),
    permission: permissionPages(await permissionSubject(read)),
    id: known.run_id,
    run: `/runs/${encodeURIComponent(known.run_id)}`,
    agent: agents.items[0]?.agent ?? 'none',
    model: models.items[0]?.model ?? 'none',
  };
}

async function look(browser, server, look) {
  const { page, close } = await open(browser, server, look);
  const { run, agent, model, catalog, golden, evaluation, permission } = await subject(page);
  const problems = [];
  const only = process.env.MIZZEN_PAGES;
  for (const [title, path, ready] of [
    ...PAGES(run, agent, model),
    ...catalog,
    ...golden,
    ...evaluation,
    ...permission,
  ]) {
    if (only && !title.match(only)) continue;
    await page.goto(path);
    await page
      .waitForSelector(ready, { timeout: 15_000 })
      .catch(() => problems.push(`${title} never showed \`${ready}\``));
    await page.waitForTimeout(120);
    await screenshot(page, `${title}-${look.scheme}-${look.width}`);
    problems.push(...(await findings(page)).map((line) => `${title}: ${line}`));
    const wide = await page.evaluate(
      () =>
        document.documentElement.scrollWidth > innerWidth ||
        document.getElementById('main').scrollWidth > document.getElementById('main').clientWidth,
    );
    if (wide) problems.push(`${title} is wider than the window`);
    // Only panels scroll: a document that is taller can be scrolled into nothing, with the header gone.
    const tall = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
    if (tall > 0) problems.push(`${title} is ${tall} px taller than the window`);
    const headings = await page.locator('h1').count();
    if (headings !== 1) problems.push(`${title} has ${headings} headings of the first level`);
  }
  await close();
  assert.equal(problems.join('\n'), '');
}

export const pages = [
  ...LOOKS.map((one) => ({
    name: `pages in ${one.scheme} at ${one.width} px`,
    run: ({ browser, server }) => look(browser, server, one),
  })),
  {
    name: 'overlays: palette, help and sign-in',
    run: async ({ browser, server }) => {
      for (const scheme of ['light', 'dark']) {
        const { page, close } = await open(browser, server, { scheme });
        await page.goto('/runs');
        await page.waitForSelector('table.runs tbody tr');
        await page.keyboard.press('Control+k');
        await page.waitForSelector('.palette li');
        await screenshot(page, `palette-${scheme}-1280`);
        assert.deepEqual(await findings(page), []);
        await page.keyboard.press('Escape');
        await page.keyboard.press('?');
        await page.waitForSelector('.help');
        await screenshot(page, `help-${scheme}-1280`);
        assert.deepEqual(await findings(page), []);
        await close();
        const stranger = await open(browser, server, { scheme, signedIn: false });
        await stranger.page.goto('/runs');
        await stranger.page.waitForSelector('.sign-in');
        await screenshot(stranger.page, `sign-in-${scheme}-1280`);
        assert.deepEqual(await findings(stranger.page), []);
        await stranger.close();
      }
    },
  },
  {
    name: 'an empty Mizzen teaches the first steps',
    run: async ({ browser, empty }) => {
      if (!empty) return 'not asked of a server that has runs';
      const { page, close } = await open(browser, empty);
      for (const path of ['/', '/runs', '/agents', '/models']) {
        await page.goto(path);
        await until(page, `${path} shows the command`, () =>
          document.querySelector('#main')?.textContent?.includes('mizzen run -- python agent.py'),
        );
        assert.deepEqual(await findings(page), []);
        await screenshot(page, `empty${path.replace('/', '-')}-light-1280`);
      }
      await close();
    },
  },
];
