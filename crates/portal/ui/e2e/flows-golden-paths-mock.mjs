import assert from 'node:assert/strict';
import { findings, open, screenshot, shown, until } from './browser.mjs';

/** Flows over what only the stand-in server can be made to answer: updates of templates, failing sources, teams by level. */

async function create({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '422' });
  await page.goto('/create');
  await page.getByRole('link', { name: 'Agent that uses tools' }).click();
  await page.getByLabel('Name').fill('Order Helper');
  await page.getByLabel('Owner').fill('platform');
  await page.getByLabel('Add to Tools').fill('shop/find_order');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.several .chip');
  await page.getByRole('button', { name: 'Show what it would make' }).click();
  // A wrong answer is told where it was given, and nothing is lost.
  await page.waitForSelector('.question.wrong');
  assert.match(await page.locator('.question.wrong').innerText(), /lower-case letters/);
  assert.equal(await page.getByLabel('Name').getAttribute('aria-invalid'), 'true');
  assert.deepEqual(await findings(page), []);
  await page.getByLabel('Name').fill('order-helper');
  await page.getByRole('button', { name: 'Show what it would make' }).click();
  await page.waitForSelector('.file-tree button');
  await page.locator('.file-tree button', { hasText: 'gate.yml' }).click();
  await page.waitForSelector('.unified .added');
  await screenshot(page, 'create-preview-light-1280');
  assert.deepEqual(await findings(page), []);
  await page.getByRole('button', { name: 'Create it' }).click();
  await page.waitForSelector('.made-links');
  await screenshot(page, 'create-made-light-1280');
  await shown(page, 'mzn_2f9c0d7e41b84a1f');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: /^Download order-helper/ }).click();
  assert.equal((await download).suggestedFilename(), 'order-helper.tar.gz');
  assert.deepEqual(await findings(page), []);
  await close();
}

async function refused({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/create/default/order-agent');
  await shown(page, 'waits for a review');
  assert.equal(await page.getByRole('button', { name: 'Show what it would make' }).count(), 0);
  await close();
}

async function bringYourOwn({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/create/default/bring-your-own-agent?agent=night-watch');
  await page.waitForSelector('.questions select');
  assert.equal(await page.locator('select[name=agent]').inputValue(), 'night-watch');
  await close();
}

async function update({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/create/default/agent-tool-using?tab=made');
  await page.getByRole('button', { name: 'Open the update' }).click();
  await page.waitForSelector('.update .unified');
  await screenshot(page, 'template-update-light-1280');
  assert.match(await page.locator('.made-note').innerText(), /1 conflict/);
  await page.locator('.file-tree button', { hasText: 'README.md' }).click();
  await shown(page, 'the template changed it, and so did you');
  assert.deepEqual(await findings(page), []);
  await page.getByRole('button', { name: 'Write it into the folder' }).click();
  await until(page, 'nothing is behind', () => !document.querySelector('#main')?.textContent?.includes('Behind'));
  await close();
}

async function scorecards({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/catalog/scorecards');
  await page.locator('.heat-map').getByRole('link', { name: 'Support' }).click();
  await until(page, 'its agents are shown', () => location.search.includes('owner=group'));
  await page.waitForSelector('.heat-cell.cell-fail .icon');
  // A cell says its state by sign and word, not by colour alone.
  assert.match(await page.locator('.heat-cell.cell-fail').first().innerText(), /Fail/);
  await page.getByRole('button', { name: 'Table' }).click();
  await page.waitForSelector('[aria-label="Scorecards as a table"] tbody tr');
  await close();
}

async function manyScorecards({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.route('**/api/v1/catalog/scorecards?*', async (route) => {
    const body = await (await route.fetch()).json();
    const row = (_, at) => ({ ...body.rows[0], ref: `component:default/agent-${at}`, title: `agent-${at}` });
    await route.fulfill({ json: { ...body, by: 'agent', rows: Array.from({ length: 1_000 }, row) } });
  });
  await page.goto('/catalog/scorecards?by=agent');
  const rows = page.locator('.heat-map tbody tr');
  await rows.first().waitFor();
  assert.equal(await rows.count(), 100);
  await page.getByRole('button', { name: 'Show more; 900 rows to come' }).click();
  await until(page, 'more are shown', () => document.querySelectorAll('.heat-map tbody tr').length === 200);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'agent-100');
  await close();
}

async function dependencies({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/catalog/graph?ref=component:default/order-support');
  await page.waitForSelector('.entity-node');
  const dashed = await page
    .locator('.edge-observed path')
    .first()
    .evaluate((path) => getComputedStyle(path).strokeDasharray);
  assert.notEqual(dashed, 'none');
  assert.match(await page.locator('.edge-observed text').first().textContent(), /observed/);
  await page.getByRole('button', { name: 'What needs it' }).click();
  await until(page, 'the address says so', () => location.search.includes('direction=up'));
  await shown(page, 'What breaks if this goes');
  // By keyboard to a neighbour and its page.
  await page.locator('.entity-node[role=link]').nth(1).focus();
  await page.keyboard.press('Enter');
  await until(page, 'the neighbour is shown', () => location.pathname === '/catalog/api/default/shop');
  await close();
}

async function docs({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '404' });
  await page.goto('/catalog/component/default/order-support?tab=docs');
  await page.getByRole('link', { name: 'runbook', exact: true }).click();
  await until(page, 'the runbook is open', () => location.search.includes('runbook.md'));
  await until(
    page,
    'it is marked',
    () => document.querySelector('.docs-side [aria-current]')?.textContent === 'Runbook',
  );
  await page.getByRole('link', { name: /Next:/ }).click();
  await until(page, 'the next page is open', () => location.search.includes('alarms.md'));
  await page.goto('/catalog/component/default/order-support?tab=docs&doc=none.md');
  await shown(page, 'There is no page none.md');
  await close();
}

/** No tab that leads to nothing, even where the address asks for it: the overview says what to do. */
async function noDocs({ browser, server }) {
  for (const [scheme, width] of [
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ]) {
    const { page, close } = await open(browser, server, { scheme, width });
    const asked = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto('/catalog/airesource/default/refund-policy?tab=docs');
    await shown(page, 'backstage.io/techdocs-ref: dir:.');
    assert.equal(await page.getByRole('tab', { name: 'Docs' }).count(), 0);
    assert.equal(await page.getByRole('tab', { selected: true }).innerText(), 'Overview');
    assert.ok(!asked.some((path) => path.endsWith('/docs')), 'what is not there is not asked for');
    assert.deepEqual(await findings(page), []);
    await page.getByRole('heading', { name: /^Documentation/ }).scrollIntoViewIfNeeded();
    await screenshot(page, `entity-without-docs-${scheme}-${width}`);
    await close();
  }
  const { page, close } = await open(browser, server);
  // Nobody declared it: there is no file that documentation could lie beside.
  await page.goto('/catalog/component/default/researcher');
  await shown(page, 'Relations');
  assert.ok(!(await page.locator('#main').innerText()).includes('techdocs-ref'));
  await close();
}

async function ingestion({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/catalog/ingestion');
  await page.getByRole('button', { name: /order-support\/catalog-info/ }).click();
  await page.waitForSelector('.source-errors');
  assert.match(
    await page.locator('.source-errors li').first().innerText(),
    /catalog-info\.yaml:12:7[\s\S]*did you mean lifecycle/,
  );
  await screenshot(page, 'ingestion-errors-light-1280');
  assert.deepEqual(await findings(page), []);
  await page.getByRole('link', { name: 'Add a location' }).click();
  await page.getByLabel('Address of the documents').fill('https://git.example.com/new.yaml');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await shown(page, 'https://git.example.com/new.yaml');
  const row = page.locator('tr', { hasText: 'new.yaml' });
  await row.getByRole('button', { name: 'Remove' }).click();
  await row.getByRole('button', { name: 'Remove' }).click();
  await row.waitFor({ state: 'detached' });
  await close();
}

export const goldenMockFlows = [
  { name: 'golden path: an agent is made, with a wrong answer on the way', run: create },
  { name: 'golden path: what is not approved is not offered', run: refused },
  { name: 'golden path: an agent that was seen is brought along', run: bringYourOwn },
  { name: 'golden path: an update is read and written', run: update },
  { name: 'scorecards lead from a team to its agents', run: scorecards },
  { name: 'of many scorecards the first are drawn', run: manyScorecards },
  { name: 'dependencies are told by dash and word, and walked by keyboard', run: dependencies },
  { name: 'documentation is read page after page', run: docs },
  { name: 'documentation: where there is none, how it comes in is said', run: noDocs },
  { name: 'ingestion says where, and takes a location', run: ingestion },
];
