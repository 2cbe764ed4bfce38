import assert from 'node:assert/strict';
import { eventually, open, screenshot, until } from './browser.mjs';
import { startMock } from './mock.mjs';

/** Lists as people use them: filters and the history, rows as targets, names that somebody else chose. */

const query = (page, name) => new URL(page.url()).searchParams.get(name);

/** The box says what the list is filtered by, also after Back, and what was typed is one step of the history. */
async function history({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  await page.getByLabel('Status').selectOption('ok');
  const box = page.getByLabel('Search runs');
  await box.pressSequentially('parcel', { delay: 20 });
  await until(page, 'the text is in the address', () => location.search.includes('q=parcel'));
  await box.pressSequentially(' no', { delay: 250 });
  await until(page, 'more text is in the address', () => location.search.includes('q=parcel+no'));
  await page.goBack();
  await until(page, 'the box is empty again', () => document.querySelector('[data-filter]').value === '');
  assert.deepEqual([query(page, 'q'), query(page, 'outcome')], [null, 'ok'], 'Back undoes all that was typed, no more');
  await page.goBack();
  await until(page, 'the status is undone', () => location.search === '');
  await page.goForward();
  await page.goForward();
  await until(page, 'the box says what came back', () => document.querySelector('[data-filter]').value === 'parcel no');
  await page.getByRole('button', { name: 'Clear' }).click();
  await until(page, 'nothing is filtered', () => location.search === '');
  await page.goBack();
  await until(page, 'the filters are back', () => document.querySelector('[data-filter]').value === 'parcel no');
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Status').selectOption('ok');
  await page.evaluate(() => {
    const box = document.querySelector('[data-filter]');
    box.value = 'parcel';
    box.dispatchEvent(new Event('input', { bubbles: true }));
    [...document.querySelectorAll('.filters button')].find((one) => one.textContent === 'Clear').click();
  });
  await page.waitForTimeout(400);
  assert.equal(new URL(page.url()).search, '', 'what was just typed is cleared too');
  assert.equal(await box.inputValue(), '');
  await page.goto('/runs?since=zzz');
  await page.getByRole('button', { name: 'Remove filter since zzz' }).click();
  await until(page, 'what nobody understands is gone', () => location.search === '');
  await close();
}

/** What the rows show is found as it is shown, and a click anywhere in a row opens it. */
async function decisions({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/decisions');
  const rows = page.locator('table.decisions tbody tr');
  await rows.first().waitFor();
  await page.getByLabel('Tool begins with').fill('shop/refund');
  await until(page, 'that tool is left', () => {
    const names = [...document.querySelectorAll('table.decisions .resource')].map((one) => one.textContent);
    return names.length > 0 && names.every((name) => name.startsWith('shop/refund'));
  });
  assert.equal(await page.getByLabel('Any kind').inputValue(), 'tool');
  await page.getByLabel('Any kind').selectOption('model');
  await page.waitForSelector('.empty:has-text("Only model names were searched")');
  assert.deepEqual([query(page, 'kind'), query(page, 'resource')], ['model', 'shop/refund']);
  await page.getByLabel('Model begins with').fill('host:api');
  await page.getByLabel('Host begins with').waitFor();
  assert.equal(await page.getByLabel('Any kind').inputValue(), '', 'the text says the kind');
  await page.getByRole('button', { name: 'Clear' }).click();
  await rows.first().waitFor();
  for (const modifier of ['Shift', 'Alt']) {
    await rows
      .first()
      .locator('td.col-started')
      .click({ modifiers: [modifier] });
    assert.equal(query(page, 'decision'), null, `${modifier} and a click open nothing here`);
    await page.evaluate(() => window.getSelection()?.removeAllRanges());
  }
  await rows.first().locator('td.col-started').click();
  await page.waitForSelector('.panel .run-facts');
  await page.goto('/audit');
  await page.locator('table.audit tbody tr').first().locator('td.col-what').click();
  await page.waitForSelector('.panel');
  await page.goto('/agents');
  await page.locator('table.rows tbody tr').first().locator('td').nth(3).click();
  await until(page, 'the agent is shown', () => location.pathname !== '/agents');
  await close();
}

/** A page whose code cannot come says so, and comes by itself once the server is back. */
async function away({ browser }) {
  let server = await startMock();
  const { page, close } = await open(browser, server, { expected: 'Failed to load resource' });
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  await until(page, 'the stream is live', () => document.querySelector('.stream.live'));
  server.stop();
  await page.keyboard.type('ga');
  await page.waitForSelector('.failure:has-text("the Mizzen server cannot be reached")');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.waitForSelector('.failure:has-text("the Mizzen server cannot be reached")');
  server = await startMock({ port: Number(new URL(server.url).port) });
  await page.waitForSelector('h1:has-text("Agents")', { timeout: 20_000 });
  await page.waitForSelector('table.rows tbody [data-row]');
  await close();
  server.stop();
}

/** A server that goes away again while the page is reloaded is waited for once more. */
async function awayTwice({ browser }) {
  let server = await startMock();
  const { page, close } = await open(browser, server, { expected: 'Failed to load resource' });
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  await page.evaluate(() => sessionStorage.setItem('mizzen:reloaded', 'yes'));
  await until(page, 'the stream is live', () => document.querySelector('.stream.live'));
  server.stop();
  await page.keyboard.type('ga');
  await page.waitForSelector('.failure:has-text("the Mizzen server cannot be reached")');
  server = await startMock({ port: Number(new URL(server.url).port) });
  await page.waitForSelector('table.rows tbody [data-row]', { timeout: 20_000 });
  await close();
  server.stop();
}

/** What was only fetched ahead and did not come is no reason to reload: it is another page. */
async function aheadInVain({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '404' });
  let gone = null;
  await page.route('**/*.js', (route) => {
    const url = route.request().url();
    if (/[/]index-/.test(url)) return route.continue();
    gone ??= url;
    return url === gone ? route.fulfill({ status: 404 }) : route.continue();
  });
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  await eventually('a page was fetched ahead', () => gone !== null);
  await page.evaluate(() => (window.isSame = true));
  await page.keyboard.type('gc');
  await page.waitForSelector('h1:has-text("Catalog")');
  assert.ok(await page.evaluate(() => window.isSame), 'the tab was not reloaded');
  await close();
}

/** After an upgrade the files of the old page are gone: it is read again, once. */
async function upgraded({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '404' });
  let documents = 0;
  let isGone = () => false;
  page.on('request', (request) => {
    if (request.isNavigationRequest()) documents += 1;
  });
  await page.route('**/*.js', (route) =>
    isGone(route.request().url()) ? route.fulfill({ status: 404 }) : route.continue(),
  );
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  isGone = () => documents === 1;
  await page.keyboard.type('ga');
  await page.waitForSelector('table.rows tbody [data-row]');
  assert.equal(documents, 2, 'the page is read again');
  isGone = (url) => !/[/]index-/.test(url);
  await page.goto('/decisions');
  await page.waitForSelector('.failure:has-text("did not come from the server")');
  assert.equal(documents, 4, 'it is not read again for ever');
  await close();
}

const LONG = ['arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6', 'x'.repeat(300)];
const TURNED = 'pay \u202e001 rof';

/** A server whose agents, models and runs have names that nobody wants. */
async function withNames(page) {
  const change = (path, edit) =>
    page.route(path, async (route) => {
      const body = await (await route.fetch()).json();
      edit(body);
      await route.fulfill({ json: body });
    });
  await change('**/api/v1/agents', ({ items }) => {
    [items[0].agent, items[1].agent, items[2].agent] = [LONG[1], ' ', TURNED];
    items[0].models = LONG;
  });
  await change('**/api/v1/models', ({ items }) => {
    [items[0].model, items[1].model] = LONG;
    items[0].agents = [LONG[1]];
  });
  await change(/\/api\/v1\/runs\?/, ({ items }) => {
    Object.assign(items[0] ?? {}, { title: TURNED, agent: LONG[1], models: LONG });
  });
  await change('**/api/v1/runs/run_order_1042', ({ summary }) => {
    Object.assign(summary, { title: TURNED, agent: LONG[1], models: LONG, caller: LONG[1], session: LONG[1] });
  });
}

async function names({ browser, server }) {
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ]) {
    const { page, close } = await open(browser, server, { width, height });
    await withNames(page);
    for (const [path, ready] of [
      ['/agents', '.rows [data-row]'],
      ['/models', '.rows [data-row]'],
      ['/runs', '.rows [data-row]'],
      ['/runs/run_order_1042', '.run-facts'],
      ['/runs/run_order_1042?tab=graph&as=table', '.rows'],
      [`/agents/${LONG[1]}`, '.run-facts'],
      [`/models/${encodeURIComponent(LONG[0])}`, '.run-facts'],
    ]) {
      await page.goto(path);
      await page.locator(ready).first().waitFor();
      const beyond = await page.evaluate(() =>
        [...document.querySelectorAll('#main :is(td, th, dd, dd > *, h1)')]
          .filter((one) => !one.closest('.run-facts:not(.page)') || innerWidth > 720) // a narrow run's facts scroll
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
          .map((one) => one.textContent.slice(0, 20)),
      );
      assert.deepEqual(beyond, [], `${path} at ${width} px`);
      const text = await page.locator('#main').innerText();
      assert.ok(!text.includes('\u202e'), `${path} hides nothing`);
      await screenshot(page, `names${path.slice(0, 12).replace(/\W/g, '-')}-light-${width}`);
    }
    await page.goto('/agents');
    await page.getByRole('link', { name: '“ ”' }).click();
    await until(page, 'the agent of a blank name is shown', () => location.pathname === '/agents/%20');
    await page.waitForSelector('h1:has-text("“ ”")');
    await close();
  }
}

export const listFlows = [
  { name: 'filters follow the history', run: history },
  { name: 'what rows show is found, and all of a row opens it', run: decisions },
  { name: 'names of any kind are shown and push nothing away', run: names },
  { name: 'a page comes once the server is back', run: away },
  { name: 'a page comes once the server is back for the second time', run: awayTwice },
  { name: 'a page that was fetched ahead in vain reloads no other', run: aheadInVain },
  { name: 'an upgrade is followed by one reload', run: upgraded },
];
