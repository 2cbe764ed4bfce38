import assert from 'node:assert/strict';
import { open, search, until } from './browser.mjs';
import { subject } from './pages.mjs';

/** What a person does with the keyboard, on any server that holds runs. */

const heading = (page) => page.locator('#main h1').innerText();

async function signIn({ browser, server }) {
  const { page, close } = await open(browser, server, { signedIn: false });
  await page.goto('/runs?outcome=error');
  await page.getByLabel('Token', { exact: true }).fill('not the token');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.problem .icon');
  await page.getByLabel('Token', { exact: true }).fill(server.token);
  await page.keyboard.press('Enter');
  await until(page, 'the page asked for is shown', () => document.querySelector('#main h1')?.textContent === 'Runs');
  assert.equal(search(page).get('outcome'), 'error');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForSelector('.sign-in');
  await close();
}

async function lists({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/');
  await page.waitForSelector('[data-row]');
  await page.keyboard.type('gr');
  await until(page, '`g r` shows the runs', () => document.querySelector('#main h1')?.textContent === 'Runs');
  await page.waitForSelector('table.runs [data-row]');
  const rows = await page.locator('table.runs [data-row]').count();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('href'));
  assert.equal(
    focused,
    await page.locator('table.runs [data-row]').first().getAttribute('href'),
    `k came back to the first of ${rows} rows`,
  );
  await page.keyboard.press('Enter');
  await until(page, 'Enter opens the run', () => location.pathname.startsWith('/runs/'));
  await page.waitForSelector('[role=tab]');
  await page.goBack();
  await until(
    page,
    'Back gives the row its focus again',
    (href) => document.activeElement?.getAttribute('href') === href,
    focused,
  );
  await close();
}

const OUTCOMES = { OK: 'ok', Error: 'error', Refused: 'error', Held: 'error', Ended: 'unset', Running: 'unset' };

async function filters({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs');
  await page.waitForSelector('table.runs [data-row]');
  const word = (await page.locator('table.runs tbody .col-status').last().innerText()).trim();
  await page.keyboard.press('/');
  await page.keyboard.type('zzz-no-such-run');
  await until(
    page,
    'the text is in the address',
    () => new URLSearchParams(location.search).get('q') === 'zzz-no-such-run',
  );
  await page.waitForSelector('.empty');
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.waitForSelector('table.runs [data-row]');
  await page.getByLabel('Status', { exact: true }).selectOption(OUTCOMES[word]);
  await until(
    page,
    'only runs of that outcome are left',
    (words) => {
      const rows = [...document.querySelectorAll('table.runs tbody .col-status')];
      return rows.length > 0 && rows.every((row) => words.includes(row.textContent?.trim()));
    },
    Object.keys(OUTCOMES).filter((other) => OUTCOMES[other] === OUTCOMES[word]),
  );
  assert.equal(search(page).get('outcome'), OUTCOMES[word]);
  await page.reload();
  await page.waitForSelector('table.runs [data-row]');
  assert.equal(await page.getByLabel('Status', { exact: true }).inputValue(), OUTCOMES[word]);
  await close();
}

async function run({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { run: path } = await subject(page);
  await page.goto(path);
  await page.waitForSelector('.story li');
  await page.keyboard.press('2');
  await page.waitForSelector('.grid-row');
  await page.keyboard.press('j');
  assert.ok(
    await page.evaluate(() => document.activeElement?.getAttribute('role') === 'treegrid'),
    'j goes into the tree',
  );
  await page.keyboard.press('Home');
  await page.keyboard.press('j');
  await page.waitForSelector('.grid-row.selected');
  await until(page, 'the chosen step is in the address', () => new URLSearchParams(location.search).get('step'));
  const step = search(page).get('step');
  const level = () => page.locator('.grid-row').first().getAttribute('aria-expanded');
  await page.keyboard.press('Home');
  if ((await level()) === 'true') {
    const before = await page.locator('.grid-row').count();
    await page.keyboard.press('ArrowLeft');
    assert.equal(await level(), 'false');
    assert.ok((await page.locator('.grid-row').count()) < before, 'collapsing hides rows');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.locator('.grid-row').count(), before);
  }
  await page.keyboard.press('j');
  await page.keyboard.press('3');
  await page.waitForSelector('.drawing .node');
  assert.ok(search(page).get('step'), 'views share the selection');
  await page.keyboard.press('1');
  await page.waitForSelector('.story li');
  await page.keyboard.press('Escape');
  await until(page, 'Esc closes the panel', () => document.querySelector('.panel') === null);
  await page.goto(`${path}?tab=waterfall&step=${step}`);
  await page.waitForSelector('.grid-row.selected');
  await page.waitForSelector('.panel .section');
  await close();
}

async function palette({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/');
  await page.waitForSelector('#main h1');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('dark th');
  await page.waitForSelector('.palette [aria-selected=true]:has-text("Dark theme")');
  await page.keyboard.press('Enter');
  await until(page, 'the theme is dark', () => document.documentElement.dataset.theme === 'dark');
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark', 'the choice is kept');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('models');
  await page.keyboard.press('Enter');
  await until(page, 'the page chosen is shown', () => document.querySelector('#main h1')?.textContent === 'Models');
  assert.equal(await heading(page), 'Models');
  await close();
}

async function sql({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/sql');
  const editor = page.getByLabel('SQL query');
  await editor.fill('SELECT run_id, agent FROM runs LIMIT 3');
  await editor.press('Control+Enter');
  await page.waitForSelector('.result-rows tbody tr');
  assert.ok(search(page).get('q')?.includes('run_id'), 'the query is in the address');
  await editor.fill('DROP TABLE runs');
  await editor.press('Control+Enter');
  await page.waitForSelector('.failure');
  await close().catch((error) => {
    // A refused query is a 400, and the browser says so.
    if (!/400|422/.test(error.message)) throw error;
  });
}

async function keys({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `browser test ${Date.now()}`;
  await page.goto('/settings');
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'New key' }).click();
  const key = await page.locator('.minted code').first().innerText();
  assert.match(key, /^mzk_/);
  await page.reload();
  const row = page.locator('tr', { hasText: name });
  await row.waitFor();
  assert.ok(!(await page.content()).includes(key), 'a key is shown once');
  await row.getByRole('button', { name: 'Revoke' }).click();
  await row.getByRole('button', { name: 'Revoke' }).click();
  await row.waitFor({ state: 'detached' });
  await close();
}

export const flows = [
  { name: 'sign-in refuses a wrong token and leads back', run: signIn },
  { name: 'keyboard: jump, move, open and come back', run: lists },
  { name: 'filters live in the address', run: filters },
  { name: 'keyboard: the three views of a run', run },
  { name: 'palette: command and page', run: palette },
  { name: 'SQL runs and refuses', run: sql },
  { name: 'keys are shown once and revoked', run: keys },
];
