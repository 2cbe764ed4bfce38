import assert from 'node:assert/strict';
import { call, findings, open, screenshot, shown, until } from './browser.mjs';
import { agentText, applyDocuments, decide } from './seed-catalog.mjs';

/** Flows of the catalog on a real server: what they need they apply through the API, and delete again. */

/** Makes an agent that only this flow knows, and takes it away again. */
async function withAgent({ browser, server }, options, flow) {
  const { page, close } = await open(browser, server, options);
  const name = `browser-${Date.now()}`;
  const [made] = await applyDocuments(page, server, agentText(name));
  assert.equal(made.result, 'created', JSON.stringify(made));
  assert.equal(made.state, 'pending', 'an agent that nobody approved waits');
  await flow({ page, name, reference: `component:default/${name}`, path: `/catalog/component/default/${name}` });
  assert.deepEqual(await findings(page), []);
  await close();
}

const review = (context) =>
  withAgent(context, {}, async ({ page, name, path }) => {
    const { server } = context;
    await page.goto(`/catalog?class=agent&q=${name}`);
    await page.waitForSelector('table.catalog tbody tr');
    assert.match(await page.locator('table.catalog tbody tr').first().innerText(), /Pending/);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await until(page, 'Enter opens the agent', (wanted) => location.pathname === wanted, path);
    await page.waitForSelector('.entity-header');
    await shown(page, 'Answers questions about orders');
    await page.goto('/catalog/reviews');
    await page.locator('.split-list').getByRole('button', { name, exact: true }).click();
    await page.locator('.review-panel h2', { hasText: name }).waitFor();
    await page.keyboard.press('a');
    await page.keyboard.type('read and understood');
    await page.keyboard.press('Enter');
    await until(
      page,
      'it left the list',
      (gone) => !document.querySelector('.split-list')?.textContent?.includes(gone),
      name,
    );
    const [same] = await applyDocuments(page, server, agentText(name, { models: '[harbor-large]' }));
    assert.equal(same.result, 'rejected', 'nothing changes under an approved name');
    const [next] = await applyDocuments(page, server, agentText(name, { version: '1.1.0', models: '[harbor-large]' }));
    assert.equal(next.state, 'pending', JSON.stringify(next));
    await page.goto(`${path}?tab=versions`);
    await page.waitForSelector('.diff .added');
    assert.match(await page.locator('.diff').innerText(), /harbor-large/);
    await shown(page, '1.1.0');
    await page.locator('table').getByRole('button', { name: '1.0.0', exact: true }).click();
    await shown(page, 'read and understood');
    await screenshot(page, 'flow-versions-light-1280');
    await page.goto(`${path}?tab=yaml`);
    await page.getByRole('button', { name: 'Change it' }).click();
    const editor = page.getByLabel('Document in YAML');
    await editor.fill((await editor.inputValue()).replace('type: ai-agent', 'typ: ai-agent'));
    await page.waitForSelector('.code-problems li');
    assert.ok(await page.getByRole('button', { name: 'Apply' }).isDisabled(), 'what is wrong cannot be applied');
    await page.getByRole('button', { name: 'Leave it as it is' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await until(page, 'the list is shown', () => location.pathname === '/catalog');
    assert.equal((await call(page, server, 'GET', `/catalog/entities/component/default/${name}`)).status, 404);
  });

/** Somebody decides between the look and the press: who was first is told, and nothing is decided twice. */
const race = (context) =>
  withAgent(context, { expected: '409' }, async ({ page, name, reference, path }) => {
    const { server } = context;
    await page.goto(`${path}?tab=versions`);
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByLabel(/Why approve/).fill('it looks good');
    const first = await decide(page, server, reference, '1.0.0', 'reject', 'no eval set');
    assert.equal(first.status, 200, JSON.stringify(first));
    await page.keyboard.press('Enter');
    await until(page, 'the page tells', () => document.querySelector('#main')?.textContent?.includes('Rejected'));
    await shown(page, 'no eval set');
    const { body } = await call(page, server, 'GET', `/catalog/entities/component/default/${name}/versions`);
    assert.equal(body.items[0].state, 'rejected');
    await call(page, server, 'DELETE', `/catalog/entities/component/default/${name}`);
  });

async function discovered({ browser, server }) {
  const { page, close } = await open(browser, server);
  const { body } = await call(page, server, 'GET', '/catalog/entities?origin=discovered&limit=1');
  if (body.total === 0) {
    await close();
    return 'traffic has shown nothing that is not declared';
  }
  await page.goto('/catalog?origin=discovered');
  await page.waitForSelector('table.catalog tbody tr');
  await shown(page, 'discovered');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Claim it' }).waitFor();
  assert.deepEqual(await findings(page), []);
  await close();
}

export async function palette({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/catalog');
  await page.waitForSelector('table.catalog tbody tr');
  await page.keyboard.press('Control+k');
  // Found by its description, which the portal itself does not hold.
  await page.keyboard.type('orders database');
  await page.waitForSelector('.palette li:has-text("Tool server")');
  await page.keyboard.press('Enter');
  await until(page, 'the tool server is shown', () => location.pathname === '/catalog/api/default/shop');
  await close();
}

export const catalogFlows = [
  { name: 'catalog on a server: apply, review, change, delete', run: review },
  { name: 'catalog on a server: somebody was faster', run: race },
  { name: 'catalog on a server: what traffic showed', run: discovered },
  { name: 'catalog on a server: the palette finds by description', run: palette },
];
