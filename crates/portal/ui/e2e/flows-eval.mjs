import assert from 'node:assert/strict';
import { eventually, findings, open, screenshot, search, shown, until } from './browser.mjs';

/** What a person does on the evaluation pages, against the stand-in server. */

async function experiment({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/');
  await page.waitForSelector('[data-row]');
  await page.keyboard.type('ge');
  await page.waitForSelector('table.evals [data-row]');
  await page.getByRole('link', { name: 'New experiment' }).click();
  await page.waitForSelector('.evaluator-field');
  const start = page.getByRole('button', { name: 'Start' });
  assert.ok(await start.isDisabled(), 'without an evaluator nothing can start');
  await page.getByLabel('Name').fill('mixed versions');
  await page.getByLabel('Tool trajectory').check();
  await shown(page, 'Needs expected tool calls: choose an eval set');
  await page.getByLabel('Eval set').selectOption('order-support');
  await until(page, 'the warning is gone', () => document.querySelector('.warn-text') === null);
  await page.getByLabel('mode', { exact: true }).fill('in_order');
  await page.getByRole('combobox', { name: 'Agent' }).selectOption('order-support');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'experiment-filled-light-1280');
  await start.click();
  await page.waitForSelector('.problem');
  await screenshot(page, 'experiment-refused-light-1280');
  const request = page.waitForRequest((one) => one.method() === 'POST' && one.url().endsWith('/experiments'));
  await page.getByRole('button', { name: 'One experiment for each version' }).click();
  const asked = (await request).postDataJSON();
  assert.deepEqual(asked.evaluators, [{ name: 'tool_trajectory', parameters: { mode: 'in_order' } }]);
  assert.deepEqual([asked.set, asked.runs, asked.split_versions], ['order-support', { agent: 'order-support' }, true]);
  await page.waitForSelector('.status.unset:has-text("Running")');
  await page.waitForSelector('.cases table tbody tr', { timeout: 15_000 });
  await shown(page, 'Trials of one case resemble each other');
  // The browser itself logs the refusal that is asked for here.
  await close().catch(({ message }) => assert.match(message, /409/));
}

async function cases({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations/experiments/exp-b');
  await page.waitForSelector('.cases table tbody tr');
  const first = await page.locator('.cases tbody tr').first().innerText();
  assert.match(first, /where_is_parcel\s+0 of 4/, 'the worst case is first');
  await page.getByRole('button', { name: 'Failing' }).click();
  await until(page, 'only failing cases are left', () =>
    [...document.querySelectorAll('.cases tbody tr')].every((row) => row.querySelector('.trial.fail')),
  );
  assert.equal(search(page).get('verdict'), 'fail');
  await page.getByRole('button', { name: 'response_match' }).click();
  await shown(page, 'the case expects no response');
  assert.equal(search(page).get('evaluator'), 'response_match');
  await page.goto('/evaluations/experiments/exp-b');
  await page.waitForSelector('.cases table tbody tr');
  // Past the five evaluators to the first case.
  for (let press = 0; press < 6; press += 1) await page.keyboard.press('j');
  const href = await page.evaluate(() => document.activeElement?.getAttribute('href'));
  await page.keyboard.press('Enter');
  await until(page, 'Enter opens the failed run', (path) => path && location.pathname === path, href);
  await page.goto('/evaluations/experiments/no-such');
  await page.waitForSelector('.failure').catch(() => assert.fail('an unknown experiment says so'));
  await screenshot(page, 'experiment-unknown-light-1280');
  // The browser itself logs the 404 that is asked for here.
  await close().catch(({ message }) => assert.match(message, /404/));
}

async function compare({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations');
  await page.waitForSelector('table.evals [data-row]');
  await page.getByRole('link', { name: 'order-support 4.13', exact: true }).focus();
  await page.keyboard.type('xjx');
  await page.getByRole('link', { name: 'Compare the two' }).click();
  await page.waitForSelector('.metric-sentence');
  assert.deepEqual([search(page).get('a'), search(page).get('b')], ['exp-b', 'exp-a']);
  await page.getByRole('button', { name: 'Swap A and B' }).click();
  await shown(page, 'B is better: the difference is +');
  await page.getByLabel('No margin').selectOption('0.1');
  await until(page, 'the margin is in the address', () => new URLSearchParams(location.search).get('margin') === '0.1');
  await page.waitForSelector('table[aria-label="Cases that changed"] [data-row]');
  await page
    .locator('table[aria-label="Cases that changed"] [data-row]', { hasText: 'where_is_parcel' })
    .first()
    .focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.side-run:nth-child(2) .side-title');
  await page.waitForSelector('.side-run .story .entry');
  assert.equal(await page.locator('.side-run').count(), 2);
  assert.ok(search(page).get('case'), 'the chosen case is in the address');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'compare-side-by-side-light-1280');
  await page.setViewportSize({ width: 390, height: 844 });
  await screenshot(page, 'compare-side-by-side-light-390');
  await close();
}

async function golden({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/runs/run_order_1042');
  await page.getByRole('button', { name: 'Mark as golden' }).click();
  await page.waitForSelector('.dialog-body');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'set');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'golden-light-1280');
  await page.keyboard.type('order-support');
  await page.getByLabel('Case').fill('cancel_order');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.dialog-body .problem');
  await page.getByLabel('Case').fill('broken_lamp');
  await page.keyboard.press('Enter');
  await page.locator('.dialog-body a').click();
  await until(page, 'the set is shown', () => location.pathname === '/evaluations/sets/order-support');
  const row = page.locator('tr', { hasText: 'broken_lamp' });
  await row.getByRole('button', { name: 'broken_lamp' }).click();
  await page.getByRole('button', { name: 'Remove from the set' }).click();
  await page.getByRole('button', { name: 'Remove from the set' }).click();
  await row.first().waitFor({ state: 'detached' });
  await page.getByLabel('Version').selectOption('1');
  await until(
    page,
    'the first version has six cases',
    () => document.querySelectorAll('.set-cases tbody tr').length === 6,
  );
  await page.locator('[data-row]').first().click();
  await page.waitForSelector('.case-detail');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'set-open-light-1280');
  await close().catch(({ message }) => assert.match(message, /409/));
}

async function setFile({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations/sets');
  const file = (content) => ({
    name: 'refunds.evalset.json',
    mimeType: 'application/json',
    buffer: Buffer.from(content),
  });
  await page.getByLabel('Add a file').setInputFiles(file('{"data":[]}'));
  await page.waitForSelector('.problem');
  await page.getByLabel('Add a file').setInputFiles(file('{"eval_cases":[{"eval_id":"a"},{"eval_id":"b"}]}'));
  await until(page, 'the set is named after its file', () => location.pathname === '/evaluations/sets/refunds');
  await page.waitForSelector('.set-cases tbody tr:nth-child(2)');
  await close().catch(({ message }) => assert.match(message, /400/));
}

async function monitor({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/');
  await page.getByRole('link', { name: 'Monitor in alarm: researcher succeeds' }).click();
  await page.waitForSelector('.band-chart canvas');
  await shown(page, 'a false alarm comes on average once in 1,000 runs or less often');
  await page.getByRole('button', { name: 'Show as a table' }).click();
  await page.waitForSelector('.band-table tbody tr');
  assert.equal(await page.locator('.band-table .status.error').count(), 1, 'the alarm is in the table');
  await page.keyboard.type('go');
  await page.waitForSelector('table.evals tbody tr');
  assert.match(await page.locator('table.evals tbody tr').first().innerText(), /Alarmed/, 'alarms come first');
  await page.getByRole('link', { name: 'New monitor' }).click();
  await page.getByLabel('Name').fill('order-support stays good');
  await page.getByLabel('Succeeded').check();
  await page.getByLabel('Baseline').fill('0.9');
  await page.getByLabel('False alarms').selectOption('1000');
  await shown(page, 'once in 1,000 runs');
  const request = page.waitForRequest((one) => one.method() === 'POST' && one.url().endsWith('/monitors'));
  await page.getByRole('button', { name: 'Start watching' }).click();
  const asked = (await request).postDataJSON();
  assert.deepEqual(
    [asked.evaluator.name, asked.baseline, asked.average_run_length, asked.alpha],
    ['succeeded', 0.9, 1000, 0.05],
  );
  await shown(page, 'Waiting for the first run that matches.');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await until(page, 'the list is shown', () => location.pathname === '/evaluations/monitors');
  await page.waitForSelector('table.evals tbody tr');
  assert.ok(!(await page.content()).includes('order-support stays good'));
  await close();
}

async function labelling({ browser, server }) {
  const { page, close } = await open(browser, server);
  const said = [];
  page.on('request', (one) => {
    if (/\/labels\//.test(one.url()) && one.method() !== 'GET')
      said.push([one.method(), new URL(one.url()).pathname.split('/')[4], one.postDataJSON()?.value]);
  });
  const current = () => search(page).get('run');
  const next = (before) =>
    until(page, 'the next run is shown', (run) => new URLSearchParams(location.search).get('run') !== run, before);
  await page.goto('/evaluations/labels');
  await page.waitForSelector('.label-run .story li');
  await until(page, 'the run is in the address', () => new URLSearchParams(location.search).get('run'));
  const runs = [];
  for (const key of ['1', 'n', '5', 's']) {
    runs.push(current());
    await page.keyboard.press(key);
    await next(runs.at(-1));
  }
  await shown(page, '3 labelled (3 now)');
  const reached = current();
  await page.keyboard.press('u');
  await next(reached);
  assert.equal(current(), runs[3], 'undo leads back to the run that was skipped');
  await page.keyboard.press('u');
  await next(runs[3]);
  await shown(page, '2 labelled (2 now)');
  await eventually('the undo is sent', () => said.length >= 4);
  assert.deepEqual(said, [
    ['PUT', runs[0], 1],
    ['PUT', runs[1], 0],
    ['PUT', runs[2], 0.5],
    ['DELETE', runs[2], undefined],
  ]);
  server.state.eval.refuseLabels = true;
  await page.keyboard.press('y');
  await page.waitForSelector('.problem');
  server.state.eval.refuseLabels = false;
  assert.equal(current(), runs[2], 'a label that was refused brings its run back');
  await page.reload();
  await page.waitForSelector('.label-run');
  await until(
    page,
    'a link leads to its run',
    (run) => new URLSearchParams(location.search).get('run') === run,
    runs[2],
  );
  await shown(page, '2 labelled');
  // After `g`, `s` is a jump to the settings and no skip.
  await page.keyboard.type('gs');
  await until(page, '`g s` jumps', () => location.pathname === '/settings');
  server.state.eval.labels.clear();
  await close().catch(({ message }) => assert.match(message, /409/));
}

async function baseline({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations/baselines');
  await page.getByRole('link', { name: 'Record' }).click();
  await page.getByLabel('Name').fill('refund desk');
  await page.getByLabel('Cases').fill('200');
  await page.getByLabel('Went well').fill('300');
  await page.getByRole('button', { name: 'Record' }).click();
  await shown(page, '300 of 200 cases cannot have gone well');
  await page.getByLabel('Went well').fill('188');
  await page.getByLabel('Minutes of a case').fill('12');
  await shown(page, 'Success 94.0% (89.8–96.5)');
  const request = page.waitForRequest((one) => one.method() === 'PUT');
  await page.getByRole('button', { name: 'Record' }).click();
  assert.deepEqual((await request).postDataJSON(), {
    metric: 'success',
    n: 200,
    successes: 188,
    duration_seconds_total: 144_000,
  });
  await page.waitForSelector('.run-facts');
  await page.getByLabel('Choose an experiment').selectOption('exp-b');
  await shown(page, 'The agent needs 18 s where people need 15 min');
  assert.deepEqual(await findings(page), []);
  await close();
}

async function planning({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/evaluations/plan?assumed=90');
  await page.getByRole('button', { name: 'Work it out' }).click();
  await page.waitForSelector('.problem');
  await page.getByLabel('True rate, %').fill('98');
  const request = page.waitForRequest((one) => one.url().endsWith('/plan') && one.method() === 'POST');
  await page.getByRole('button', { name: 'Work it out' }).click();
  const asked = (await request).postDataJSON();
  assert.deepEqual([asked.claim, asked.target, asked.assumed], ['at_least', 0.95, 0.98]);
  await page.waitForSelector('.plan table tbody tr');
  assert.equal(search(page).get('assumed'), '98');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'plan-answer-light-1280');
  await page.getByRole('button', { name: 'Not worse than' }).click();
  await page.getByLabel('Margin, points').waitFor();
  await close().catch(({ message }) => assert.match(message, /400/));
}

const EMPTY = [
  ['/evaluations', 'mizzen eval run'],
  ['/evaluations/compare', 'mizzen eval compare'],
  ['/evaluations/monitors', 'Make the first one'],
  ['/evaluations/labels', 'mizzen label'],
  ['/evaluations/sets', 'mizzen eval run --set'],
  ['/evaluations/baselines', 'mizzen baseline'],
];

async function nothing({ browser, empty }) {
  for (const [scheme, width] of [
    ['light', 1280],
    ['dark', 390],
  ]) {
    const { page, close } = await open(browser, empty, { scheme, width });
    for (const [path, teaches] of EMPTY) {
      await page.goto(path);
      await shown(page, teaches);
      assert.deepEqual(await findings(page), []);
      await screenshot(page, `empty${path.replaceAll('/', '-')}-${scheme}-${width}`);
    }
    await close();
  }
}

async function trouble({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.route('**/api/v1/{experiments,monitors,eval-sets,baselines,evaluators}**', (one) =>
    one.fulfill({ status: 500, json: { error: { code: 'broken', message: 'the store cannot be read' } } }),
  );
  for (const path of [
    '',
    '/monitors',
    '/sets',
    '/baselines',
    '/evaluators',
    '/experiments/exp-b',
    '/monitors/mon-alarm',
  ]) {
    await page.goto(`/evaluations${path}`);
    await shown(page, 'the store cannot be read');
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    assert.equal(await page.locator('h1').count(), 1);
  }
  await screenshot(page, 'evaluation-trouble-light-1280');
  await close().catch(({ message }) => assert.match(message, /500/));
}

/** Without a set the server calls a case by the id of its run. */
async function ownRuns({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { items } = await (await page.request.get('/api/v1/runs?limit=3')).json();
  await page.route('**/api/v1/experiments/exp-b/cases?*', async (route) => {
    const answer = await (await route.fetch()).json();
    const [result] = answer.items;
    const ofRun = ({ run_id: id }) => ({ ...result, case: id, runs: [{ ...result.runs[0], run_id: id }] });
    await route.fulfill({ json: { items: items.map(ofRun), next_cursor: null } });
  });
  await page.route('**/api/v1/experiments/exp-b', async (route) => {
    const answer = await (await route.fetch()).json();
    await route.fulfill({ json: { ...answer, set: null } });
  });
  await page.goto('/evaluations/experiments/exp-b');
  const link = page.locator(`table[aria-label="Runs"] a[href="/runs/${items[0].run_id}"][data-row]`);
  await link.filter({ hasText: items[0].title }).waitFor();
  await close();
}

export const evalFlows = [
  { name: 'evaluation: an experiment is started and followed', run: experiment },
  { name: 'evaluation: failing cases come first and lead to their runs', run: cases },
  { name: 'evaluation: without a set, runs are called by their titles', run: ownRuns },
  { name: 'evaluation: two experiments are compared, runs side by side', run: compare },
  { name: 'evaluation: a run is marked as golden', run: golden },
  { name: 'evaluation: a file becomes a set', run: setFile },
  { name: 'evaluation: an alarm is followed and a monitor made', run: monitor },
  { name: 'evaluation: labelling by keyboard alone', run: labelling },
  { name: 'evaluation: a baseline is recorded and compared', run: baseline },
  { name: 'evaluation: a plan is worked out', run: planning },
  { name: 'evaluation: an empty Mizzen says what to do', run: nothing },
  { name: 'evaluation: errors are said and can be retried', run: trouble },
];
