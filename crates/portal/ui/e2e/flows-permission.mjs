import assert from 'node:assert/strict';
import { call, findings, open, shown, until } from './browser.mjs';

/** Flows of permission on any server: what they need they make through the API, and take away again. */

const AGENT = 'browser-test-agent';

const boundaryText = (name, more) => `apiVersion: mizzen.dev/v1
kind: Boundary
metadata:
  name: ${name}
spec:
  mode: observe
  agents: [${name}]
  models: ['*']
${more}`;

async function boundary({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `browser-${Date.now()}`;
  await page.goto('/boundaries?new=1');
  await page.getByLabel('Name').fill(name);
  await page.waitForSelector('.check-state .status.ok');
  await page.getByRole('button', { name: 'Make it' }).click();
  await until(page, 'the new boundary is shown', (wanted) => location.pathname === `/boundaries/${wanted}`, name);
  await page.waitForSelector('.page-head .mode-observe');
  const editor = page.getByLabel('Boundary in YAML');
  const text = await editor.inputValue();
  await editor.fill(text.replace('models:', 'modles:'));
  await page.waitForSelector('.code-lines li.error');
  await page.waitForSelector('.check-state .status.error');
  await editor.fill(text.replace("['*']", "['gpt-4o*']"));
  await page.waitForSelector('.check-state .status.ok');
  await page.getByLabel('Why it changes').fill('fewer models');
  await page.getByRole('button', { name: 'Save' }).click();
  await shown(page, 'stored, version 2');
  await page.getByRole('tab', { name: 'History' }).click();
  await page.waitForSelector('.diff .added');
  await page.getByRole('tab', { name: 'Impact' }).click();
  await page.waitForSelector('.impact-words');
  await page.getByRole('button', { name: 'Enforce …' }).click();
  await page.waitForSelector('dialog .impact-words');
  await page.getByRole('button', { name: 'Enforce now' }).click();
  await page.waitForSelector('.page-head .mode-enforce');
  assert.deepEqual(await findings(page), []);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  await until(page, 'the list is shown', () => location.pathname === '/boundaries');
  await close();
}

async function pause({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto(`/budgets?pause=1&agent=${AGENT}`);
  await page.getByLabel('Why').fill('a browser test');
  await page.getByRole('button', { name: 'Pause now' }).click();
  await page.waitForSelector('.paused-banner');
  await page.goto('/runs');
  await page.waitForSelector('.paused-banner');
  assert.match(await page.locator('.paused-banner').innerText(), new RegExp(AGENT));
  await page.getByRole('link', { name: 'Pauses' }).click();
  await page.locator('tr', { hasText: AGENT }).getByRole('button', { name: 'Resume' }).click();
  await page.locator('tr', { hasText: AGENT }).waitFor({ state: 'detached' });
  await close();
}

async function budget({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `browser-${Date.now()}`;
  const block = page.locator('article', { hasText: name });
  await page.goto('/budgets?new=1');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Agent', { exact: false }).first().fill(AGENT);
  await page.getByLabel('Calls', { exact: true }).fill('5');
  await page.getByRole('button', { name: 'Set it' }).click();
  await block.waitFor();
  assert.match(await block.innerText(), /5 calls in a day/);
  await block.getByRole('link', { name: 'Change' }).click();
  await page.getByLabel('Calls', { exact: true }).fill('7');
  await page.getByRole('button', { name: 'Change it' }).click();
  await until(
    page,
    'the new limit is shown',
    (wanted) =>
      [...document.querySelectorAll('article')].some(
        (one) => one.textContent.includes(wanted) && one.textContent.includes('7 calls'),
      ),
    name,
  );
  await block.getByRole('button', { name: 'Remove' }).click();
  await block.getByRole('button', { name: 'Remove' }).click();
  await block.waitFor({ state: 'detached' });
  await close();
}

async function toolServer({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `browser-${Date.now()}`;
  await page.goto('/tools?new=1');
  await page.getByLabel('Name', { exact: true }).fill(name);
  // A program that is everywhere and is no tool server.
  await page.getByLabel('Command line').fill('/bin/false --no-server');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await until(page, 'the server is shown', (wanted) => location.pathname === `/tools/${wanted}`, name);
  await shown(page, '/bin/false --no-server');
  assert.deepEqual(await findings(page), []);
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('button', { name: 'Remove' }).click();
  await until(page, 'the list is shown', () => location.pathname === '/tools');
  await close();
}

async function proofs({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/audit');
  await page.waitForSelector('table.audit tbody tr');
  await until(page, 'every proof on screen holds', () => {
    const seen = [...document.querySelectorAll('table.audit tbody tr')].slice(0, 10);
    return seen.length > 0 && seen.every((row) => row.querySelector('.col-proof .status.ok'));
  });
  await page.locator('table.audit [data-row]').first().click();
  await shown(page, 'proof checked in this browser');
  await shown(page, 'which the key of the log signed');
  await page.getByText(/^Proof of \d+ hash/).click();
  const href = await page.getByRole('link', { name: 'Download the proof' }).getAttribute('href');
  const proof = await page.request.get(href);
  assert.equal(proof.status(), 200);
  assert.match(proof.headers()['content-disposition'] ?? 'attachment', /attachment/);
  await close();
}

/** An agent asks for a model that needs a human; the person denies it by keyboard, and the agent reads why. */
async function held({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `browser-held-${Date.now()}`;
  const grant = boundaryText(name, '')
    .replace("  models: ['*']\n", "  models:\n    - model: '*'\n      needs_approval: true\n")
    .replace('observe', 'enforce');
  const stored = await call(page, server, 'PUT', `/boundaries/${name}`, grant);
  assert.ok(stored.status < 300, `the boundary was refused: ${JSON.stringify(stored.body)}`);
  const { body: models } = await call(page, server, 'GET', '/models');
  const model = models.items[0]?.model ?? 'gpt-4o-mini';
  const { body: minted } = await call(page, server, 'POST', '/keys', { name, agent: name });
  const calling = fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${minted.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  });
  await page.goto('/approvals');
  await shown(page, name);
  await page.locator('tr', { hasText: name }).locator('[data-row]').focus();
  await page.keyboard.press('d');
  await page.keyboard.type('not by a browser test');
  await page.keyboard.press('Enter');
  await page.locator('table.approvals tr', { hasText: name }).waitFor({ state: 'detached' });
  const answer = await calling;
  const text = await answer.text();
  assert.ok(answer.status >= 400 && answer.status < 500, `the agent was answered ${answer.status}: ${text}`);
  await page.goto(`/decisions?agent=${name}`);
  await page.waitForSelector('table.decisions tbody tr');
  await page.locator('table.decisions [data-row]').first().click();
  await page.waitForSelector('.panel .run-facts');
  assert.deepEqual(await findings(page), []);
  await page.goto('/approvals?show=past');
  await page.locator('tr', { hasText: model }).first().waitFor();
  await call(page, server, 'DELETE', `/keys/${minted.info.id}`);
  await call(page, server, 'DELETE', `/boundaries/${name}`);
  await close();
}

/** The roles of a real session, by a one-time link as an administrator hands it out. */
async function viewer({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { body } = await call(page, server, 'POST', '/signin-links', { role: 'viewer', name: 'a viewer' });
  const context = await browser.newContext({ baseURL: server.url });
  const other = await context.newPage();
  await other.goto(`/signin?code=${encodeURIComponent(body.code)}`);
  await other.goto('/boundaries');
  await other.waitForSelector('#main h1');
  await until(other, 'all is read', () => !document.querySelector('#main .waiting'));
  assert.equal(await other.getByRole('link', { name: 'New boundary' }).count(), 0);
  await other.goto('/budgets?pause=1');
  await until(other, 'who may pause is said', () =>
    document.querySelector('#main')?.textContent?.includes('needs an approver'),
  );
  await context.close();
  await close();
}

export const permissionFlows = [
  { name: 'a boundary from its first text to its end, by the API', run: boundary },
  { name: 'a pause holds on every page, by the API', run: pause },
  { name: 'a budget is set, changed and removed, by the API', run: budget },
  { name: 'a tool server is added and removed, by the API', run: toolServer },
  { name: 'the newest entries of the log are proved in the browser', run: proofs },
];

/** What needs a server that decides and signs in for itself. */
export const permissionServerFlows = [
  { name: 'a held model call is denied in the portal, and the agent is told', run: held },
  { name: 'a viewer signs in by link and is offered nothing', run: viewer },
];
