import assert from 'node:assert/strict';
import { eventually, gate, open, screenshot, until } from './browser.mjs';

/** Flows that need the events and the large run of the stand-in server. */

async function live({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  await until(page, 'the stream is live', () => document.querySelector('.stream.live'));
  server.publish({ title: 'live and undisturbed', agent: 'order-support' });
  await page.waitForSelector('table.runs tr:first-child:has-text("live and undisturbed")');
  await page.keyboard.press('j');
  const first = page.locator('table.runs [data-row]').first();
  const before = await first.getAttribute('href');
  server.publish({ run_id: 'live-2', title: 'live and waiting', agent: 'order-support' });
  const button = page.getByRole('button', { name: '1 new run' });
  await button.waitFor();
  assert.equal(await first.getAttribute('href'), before, 'rows stay while one is chosen');
  server.publish({ run_id: 'live-2', title: 'live and changed', agent: 'order-support', spans: 99 });
  await button.click();
  await page.waitForSelector('table.runs tr:first-child:has-text("live and changed")');
  await close();
}

async function fitted({ browser, server }) {
  const { page, close } = await open(browser, server, { width: 390, height: 844 });
  await page.goto('/runs/run_order_1042?tab=graph');
  const drawing = page.locator('.drawing');
  await drawing.locator('.node').first().waitFor();
  const { shown, whole } = await drawing.evaluate((box) => ({ shown: box.clientWidth, whole: box.scrollWidth }));
  assert.ok(whole <= shown, `${whole} px of the graph are in a box of ${shown} px`);
  await page.getByRole('button', { name: 'Larger' }).click();
  assert.ok(await drawing.evaluate((box) => box.scrollWidth > box.clientWidth), 'it can be made larger');
  await close();
}

async function wide({ browser, server }) {
  const { page, close } = await open(browser, server, { width: 390, height: 844 });
  await page.route('**/api/v1/runs/run_order_1042/graph', async (route) => {
    const body = await (await route.fetch()).json();
    await route.fulfill({ json: { ...body, width: 2_000 } });
  });
  await page.goto('/runs/run_order_1042?tab=graph');
  await page.locator('.drawing .node').first().waitFor();
  const scale = () =>
    page.locator('.drawing > svg').evaluate((svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width);
  assert.ok((await scale()) < 0.2, 'all of its width is shown');
  for (let press = 0; press < 15; press += 1) await page.getByRole('button', { name: 'Larger' }).click();
  assert.ok((await scale()) > 1, `names can be read at ${await scale()}`);
  await page.setViewportSize({ width: 1_600, height: 900 });
  await until(page, 'more room does not make it huge', () => {
    const svg = document.querySelector('.drawing > svg');
    return svg.getBoundingClientRect().width <= 3 * svg.viewBox.baseVal.width;
  });
  await close();
}

async function paging({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  const rows = page.locator('table.runs [data-row]');
  await eventually('more than 400 rows are shown', async () => {
    await page.evaluate(() => document.getElementById('main').scrollTo({ top: 1e9 }));
    return (await rows.count()) > 400;
  });
  const ids = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('href')));
  assert.equal(new Set(ids).size, ids.length, 'no row twice');
  await close();
}

/** Opens a list and shows more of it; tells how many rows were there `before`, and with `more`. */
async function goOn(page, path) {
  await page.goto(path);
  const rows = page.locator('table.rows tbody tr');
  await rows.first().waitFor();
  const before = await rows.count();
  await page.getByRole('button', { name: 'Show more' }).click();
  await until(
    page,
    'there are more rows',
    (few) => document.querySelectorAll('table.rows tbody tr').length > few,
    before,
  );
  return { rows, before, more: await rows.count() };
}

/** Who went on in a list, opened something and comes back finds the same rows, at the same place; a new visit starts afresh. */
async function shownMore({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { rows, before, more } = await goOn(page, '/decisions');
  await rows.last().scrollIntoViewIfNeeded();
  await rows.last().locator('[data-row]').click();
  await page.waitForSelector('.panel .run-facts');
  await page.keyboard.type('gr');
  await page.waitForSelector('table.runs [data-row]');
  await page.goBack();
  await page.waitForSelector('.panel .run-facts');
  assert.equal(await rows.count(), more, 'Back shows as many rows as before');
  await page.keyboard.type('gr');
  await page.waitForSelector('table.runs [data-row]');
  await page.evaluate(() => document.querySelector('a[href="/decisions"]').click());
  await page.waitForSelector('h1:has-text("Decisions")');
  await rows.first().waitFor();
  assert.equal(await rows.count(), before, 'a new visit starts with the first page');
  await close();
}

/** Back joins nothing that no longer fits, and finds what was shown also where the path has the time in it. */
async function shownMeanwhile({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { decisions } = server.state.permission;
  const { more } = await goOn(page, '/decisions?since=30d');
  const whole = () => decisions.slice(0, more).map(({ id }) => id);
  await page.keyboard.type('gr');
  await page.waitForSelector('table.runs [data-row]');
  // Younger answers are not asked for again.
  await page.waitForTimeout(2_100);
  decisions.unshift({ ...decisions[0], id: 'dec_meanwhile' });
  const asked = [];
  page.on('response', async (response) => {
    if (response.url().includes('/decisions?')) asked.push(...(await response.json()).items.map(({ id }) => id));
  });
  await page.goBack();
  await until(
    page,
    'as much is shown',
    (many) => document.querySelectorAll('table.rows tbody tr').length >= many,
    more,
  );
  await eventually('all of it is read again', () => asked.length >= more);
  decisions.splice(0, 1);
  assert.deepEqual(asked, ['dec_meanwhile', ...whole()].slice(0, more), 'no row is left out between two pages');
  await close();
}

/** The time of the day is in what is asked for, so the rows are not there at once. */
async function placeAgain({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { rows } = await goOn(page, '/decisions?since=30d');
  await rows.last().scrollIntoViewIfNeeded();
  const place = await page.evaluate(() => document.querySelector('.split-list').scrollTop);
  assert.ok(place > 0, 'the last row is further down');
  await page.keyboard.type('gr');
  await page.waitForSelector('table.runs [data-row]');
  await page.goBack();
  await until(
    page,
    'the list is where it was',
    (top) => document.querySelector('.split-list')?.scrollTop === top,
    place,
  );
  await close();
}

/** The heading of a new page is where one reads on, unless the page has a field to begin with. */
async function ownFocus({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations?new=1');
  await page.waitForSelector('.evaluator-field');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Runs', exact: true }).click();
  await until(page, 'the heading has the focus', () => document.activeElement.textContent === 'Runs');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('new experiment');
  await page.keyboard.press('Enter');
  await until(page, 'its name has the focus', () => document.activeElement.getAttribute('name') === 'name');
  const name = await page.evaluate(async () => {
    for (let frame = 0; frame < 5; frame += 1) await new Promise(requestAnimationFrame);
    return document.activeElement.getAttribute('name');
  });
  assert.equal(name, 'name', 'nothing takes the focus away');
  await close();
}

/** What was asked for on one page is not kept for the next one. */
async function askedBefore({ browser, server }) {
  const { page, close } = await open(browser, server);
  const answer = gate();
  await page.route('**/decisions?*cursor=*', async (route) => {
    await answer.opened;
    await route.continue();
  });
  await page.goto('/decisions');
  const rows = page.locator('table.rows tbody tr');
  await rows.first().waitFor();
  const before = await rows.count();
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.keyboard.type('gr');
  await page.waitForSelector('table.runs [data-row]');
  const answered = page.waitForResponse('**/decisions?*cursor=*');
  answer.open();
  await (await answered).finished();
  await eventually('it is kept where it was asked for', async () => {
    await page.goBack();
    await rows.first().waitFor();
    if ((await rows.count()) > before) return true;
    // The browser has the answer, the page not yet.
    await page.goForward();
    await page.waitForSelector('table.runs [data-row]');
    return false;
  });
  await close();
}

/** Why something failed or was refused is on the first screen, in a wide window and in a narrow one. */
async function reasons({ browser, server }) {
  const wide = await open(browser, server);
  await wide.page.goto('/decisions');
  await wide.page.locator('.decisions td.col-reason').first().waitFor();
  await wide.page.goto('/approvals?show=past');
  const table = wide.page.locator('.split-list table');
  await table.waitFor();
  const room = await wide.page.evaluate(() => document.getElementById('main').clientWidth);
  assert.equal((await table.boundingBox()).width, room, 'without a chosen call the list has all of the page');
  await wide.close();
  const narrow = await open(browser, server, { width: 390, height: 844 });
  await narrow.page.goto('/runs?outcome=error');
  await narrow.page.locator('.runs .row-more.bad-text').first().waitFor();
  await narrow.page.goto('/decisions?effect=deny&enforced=true');
  await narrow.page.locator('.decisions .row-more', { hasText: 'release-notes · ' }).first().waitFor();
  await narrow.close();
}

async function large({ browser, server }) {
  const { page, close } = await open(browser, server);
  const started = Date.now();
  await page.goto('/runs/run_large?tab=waterfall&rows=spans');
  await page.waitForSelector('.grid-row');
  const painted = Date.now() - started;
  const spansFirst = await page.evaluate(() => {
    const read = (end) => performance.getEntriesByType('resource').find(({ name }) => end.test(name));
    return read(/run_large\/spans\?/).startTime < read(/run_large$/).responseEnd;
  });
  assert.ok(spansFirst, 'the first spans are asked for while the run is still being answered');
  await until(page, 'the failing span is shown and chosen', () => document.querySelector('.grid-row.error.selected'));
  await screenshot(page, 'waterfall-large-light-1280');
  await page.getByRole('button', { name: 'Expand all' }).click();
  await until(
    page,
    'all rows are counted',
    () => Number(document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount')) === 30_001,
  );
  const frames = await page.evaluate(async () => {
    const grid = document.querySelector('[role=treegrid]');
    const times = [];
    let last = performance.now();
    for (let frame = 0; frame < 90; frame += 1) {
      grid.scrollTop += 1_500;
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - last);
      last = performance.now();
    }
    return {
      rows: document.querySelectorAll('.grid-row').length,
      median: times.sort((a, b) => a - b)[45],
      slowest: times.at(-1),
    };
  });
  assert.ok(frames.rows <= 200, `${frames.rows} rows in the document`);
  await close();
  return `first paint ${painted} ms, ${frames.rows} rows, median frame ${frames.median.toFixed(1)} ms, slowest ${frames.slowest.toFixed(0)} ms`;
}

async function unpriced({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs?model=in-house-7b&agent=release-notes');
  await page.waitForSelector('table.runs [data-row]');
  const costs = await page.locator('table.runs tbody tr td:nth-child(7)').allInnerTexts();
  assert.ok(
    costs.length > 0 && costs.every((cost) => cost === 'unknown'),
    `costs read ${[...new Set(costs)].join(', ')}`,
  );
  await page.goto('/runs/run_order_1042');
  await page.waitForSelector('.run-facts');
  assert.match(await page.locator('.run-facts').innerText(), /≥ \$0\.0016/);
  await page.goto('/models/in-house-7b');
  await until(page, 'an unknown price is said', () =>
    document.querySelector('.run-facts')?.textContent?.includes('unknown; set one'),
  );
  await close();
}

/** Some calls of the newest run have no price, so every sum that it is in is a lower bound. */
async function lowerBounds({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/models');
  const row = page.locator('table.rows tbody tr', { hasText: 'gpt-4.1-mini' });
  assert.match(await row.locator('td').nth(5).innerText(), /^≥ \$/);
  await row.getByRole('link').first().click();
  await page.waitForSelector('.run-facts');
  assert.match(await page.locator('.run-facts').innerText(), /Cost \(est\.\)\s+≥ \$/);
  await page.goto('/?chart=table');
  await page.waitForSelector('.hours tbody tr');
  assert.match((await page.locator('.hours tbody tr td:last-child').allInnerTexts()).join(' '), /≥ \$/);
  await page.route('**/api/v1/runs/run_order_1042/graph', async (route) => {
    const body = await (await route.fetch()).json();
    for (const node of body.nodes) node.unpriced_calls = node.kind === 'agent' ? 1 : 0;
    await route.fulfill({ json: body });
  });
  await page.goto('/runs/run_order_1042?tab=graph&as=table');
  await page.locator('.run-view table').first().waitFor();
  const participant = (kind) => page.locator('.run-view table').first().locator('tbody tr', { hasText: kind }).first();
  assert.match(await participant('agent').locator('td').last().innerText(), /^≥ \$/);
  await page.route('**/summary', async (route) => {
    const body = await (await route.fetch()).json();
    body.agent.runs.unpriced_calls = 3;
    await route.fulfill({ json: body });
  });
  await page.goto('/catalog/component/default/order-support');
  await until(page, 'the cost of a success is a lower bound too', () =>
    document.querySelector('.totals')?.textContent?.includes('≥ $4.61 in all · ≥ $0.012 per success'),
  );
  assert.match(await page.locator('.totals').first().innerText(), /Cost per run \(est\.\)\s+≥ \$0\.011/);
  await close();
}

/** What an agent called its tools is no way to hide something from who points at them. */
async function tooltips({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.route('**/api/v1/agents', async (route) => {
    const body = await (await route.fetch()).json();
    for (const agent of body.items) agent.tools = ['shop/re\u202efund', 'shop/\u200bpay'];
    await route.fulfill({ json: body });
  });
  await page.goto('/agents');
  await page
    .locator('table.rows tbody td[title="shop/re\\\\u{202E}fund, shop/\\\\u{200B}pay"]')
    .first()
    .waitFor({ state: 'attached' });
  const unseen = await page.evaluate(() =>
    [...document.querySelectorAll('[title], [aria-label]')].some((one) =>
      /[\u200b\u202e]/.test(`${one.getAttribute('title')} ${one.getAttribute('aria-label')}`),
    ),
  );
  assert.equal(unseen, false, 'no tooltip hides a character');
  await close();
}

async function twins({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs/run_order_1042?tab=waterfall&step=a000000000000003');
  await page.waitForSelector('.grid-row.twin.selected');
  await page.getByRole('button', { name: 'Show the counted step' }).click();
  await until(page, 'the counted step is chosen', () =>
    document.querySelector('.grid-row.selected')?.textContent?.includes('1,266'),
  );
  await close();
}

/** Only an end that is unusual is worth a line. */
async function ends({ browser, server }) {
  const { page, close } = await open(browser, server);
  const endings = ['completed', 'STOP', 'stop_sequence', 'max_tokens'];
  for (const reason of endings) {
    await page.route('**/story?**', async (route) => {
      const body = await (await route.fetch()).json();
      for (const { message } of body.entries) if (message?.role === 'assistant') message.finish_reason = reason;
      await route.fulfill({ json: body });
    });
    await page.goto('/runs/run_order_1042');
    await page.waitForSelector('.story li .prose');
    const said = await page.getByText(`Ended because of ${reason}`).count();
    assert.equal(said > 0, reason === 'max_tokens', reason);
  }
  await close();
}

async function leftOut({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.route('**/story?**', async (route) => {
    const body = await (await route.fetch()).json();
    const tools = body.entries.filter((entry) => entry.kind === 'tool_call');
    Object.assign(tools[0], { content_omitted: true, arguments: undefined, result: undefined });
    Object.assign(tools[1], { duration_ns: undefined, step_kind: 'model_call' });
    Object.assign(tools[2], { step_kind: 'retrieval' });
    await route.fulfill({ json: { ...body, content_omitted: true } });
  });
  await page.goto('/runs/run_order_1042');
  await page.waitForSelector('.entry.tool_call');
  const tool = async (place) => (await page.locator('.entry.tool_call').nth(place).innerText()).replaceAll('\n', ' ');
  assert.match(await page.locator('.story-note').first().innerText(), /so large/);
  assert.match(await tool(0), /Not read here/);
  assert.doesNotMatch(await tool(0), /no arguments/);
  assert.match(await tool(1), /told by the conversation/);
  assert.match(await tool(2), /retrieval/);
  await close();
}

async function importing({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/settings?tab=connect');
  const file = { name: 'traces.json', mimeType: 'application/json', buffer: Buffer.from('{"data":[]}') };
  await page.getByLabel('Import a file').setInputFiles(file);
  await page.getByRole('link', { name: '1 run' }).click();
  await until(page, 'the imported run is shown', () => location.pathname === '/runs/run_order_1042');
  await close();
}

export const mockFlows = [
  { name: 'a file can be imported', run: importing },
  { name: 'live runs come without pushing rows away', run: live },
  { name: 'a graph is fitted into a narrow window', run: fitted },
  { name: 'a wide graph in a narrow window can be made large enough to read', run: wide },
  { name: 'the list goes on as one scrolls', run: paging },
  { name: 'Back shows as much of a list as before', run: shownMore },
  { name: 'Back leaves out no row that came meanwhile', run: shownMeanwhile },
  { name: 'Back finds the place in a list that is read again', run: placeAgain },
  { name: 'a page that begins with a field keeps the focus there', run: ownFocus },
  { name: 'more rows are kept where they were asked for', run: askedBefore },
  { name: 'reasons are on the first screen', run: reasons },
  { name: 'a run of 30,000 spans opens and scrolls', run: large },
  { name: 'what has no price costs unknown', run: unpriced },
  { name: 'a sum over calls without a price is a lower bound everywhere', run: lowerBounds },
  { name: 'tooltips show characters that are not seen', run: tooltips },
  { name: 'a call seen twice is explained', run: twins },
  { name: 'a story says what was not read and what nobody saw', run: leftOut },
  { name: 'an answer that ended as usual says nothing of it', run: ends },
];
