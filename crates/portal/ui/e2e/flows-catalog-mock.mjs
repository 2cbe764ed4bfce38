import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { eventually, findings, gate, open, screenshot, shown, until } from './browser.mjs';
import { palette } from './flows-catalog.mjs';

/** Flows of the catalog that need a state made for them: many rows, a version that waits, somebody who was faster. */

const AGENT = '/catalog/component/default/order-support';

async function list({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto('/catalog');
  await page.waitForSelector('table.catalog tbody tr');
  const rows = () => page.locator('table.catalog tbody tr').count();
  assert.equal(await rows(), 50, 'the first page');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const second = await page.evaluate(() => document.activeElement?.textContent);
  assert.equal(second, await page.locator('table.catalog tbody tr').nth(1).locator('[data-row]').innerText());
  await page.evaluate(() => document.getElementById('main').scrollTo(0, 99_999));
  await until(page, 'the next page comes', () => document.querySelectorAll('table.catalog tbody tr').length >= 100);
  await page
    .getByRole('navigation', { name: 'Kinds' })
    .getByRole('link', { name: /^Agents/ })
    .click();
  await until(page, 'agents are shown', () => document.querySelectorAll('table.catalog tbody tr').length === 3);
  assert.match(page.url(), /class=agent/);
  await page.getByRole('button', { name: 'Level' }).click();
  await until(page, 'the highest level is first', () =>
    document.querySelector('table.catalog [data-row]')?.textContent?.includes('release-notes'),
  );
  assert.equal(await page.locator('th[aria-sort=descending]').innerText(), 'Level');
  await page.getByLabel('Origin').selectOption('discovered');
  await shown(page, 'discovered, unowned');
  const claim = await page.getByRole('link', { name: 'Claim' }).getAttribute('href');
  assert.match(claim, /bring-your-own-agent\?agent=researcher$/);
  await page.goBack();
  await until(page, 'Back undoes the filter', () => !location.search.includes('origin'));
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.entity-header');
  assert.deepEqual(await findings(page), []);
  await close();
}

async function glance({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto(AGENT);
  await page.waitForSelector('.entity-header .next-check');
  const text = (await page.locator('.entity-header').innerText()).replaceAll('\n', ' ');
  for (const wanted of [
    'support',
    'oncall@example.com',
    'Known',
    '1.4.0',
    'Approved',
    '91.2% (88.1–93.6)',
    '7.8% (5.4–10.8)',
    '7.31 s',
    '$0.011 ($0.010–$0.012)',
    '$5.00 of $5.00',
    'exhausted · 3 more limits',
    'A budget with a hard stop',
    'Enforce',
  ])
    assert.ok(text.includes(wanted), `“${wanted}” is in the header: ${text}`);
  // Names that traffic made carry a digest: what is near is called by its title.
  await until(page, 'a relation has its title', () =>
    [...document.querySelectorAll('.relation-group a')].some(({ textContent }) => textContent === 'Shop tools'),
  );
  await page.getByRole('tab', { name: 'Tools & permissions' }).click();
  await shown(page, 'Used without being granted');
  await page.getByRole('tab', { name: 'Scorecard' }).click();
  await page.getByRole('button', { name: 'A budget with a hard stop' }).click();
  await shown(page, 'What to do');
  assert.match(page.url(), /tab=scorecard&check=controlled\.budget/);
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'entity-agent-check-light-1280');
  await close();
}

/** A budget of calls is a budget, and what was refused was not used. */
async function refusals({ browser, server }) {
  const { page, close } = await open(browser, server);
  const set = server.state.permission.budgets;
  server.state.permission.budgets = set
    .filter(({ name }) => name === 'agents-day')
    .map((budget) => ({ ...budget, limits: { ...budget.limits, cost_usd: null } }));
  await page.route('**/summary', async (route) => {
    const body = await (await route.fetch()).json();
    body.agent.budget = null;
    Object.assign(body.agent.models[0], { calls: 0, denied: 2 });
    await route.fulfill({ json: body });
  });
  await page.goto(AGENT);
  await shown(page, '1,213 of 2,000 calls');
  await shown(page, '787 left');
  assert.equal(await page.locator('.figure.bad', { hasText: 'Budget' }).count(), 0);
  await page.locator('.relation-group', { hasText: 'Seen using' }).getByText('refused').waitFor();
  assert.equal(await page.locator('.relation-group .chip').count(), 1);
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'entity-agent-refused-light-1280');
  server.state.permission.budgets = [];
  await page.reload();
  await page.getByRole('link', { name: 'Set one' }).waitFor();
  server.state.permission.budgets = set;
  await close();
}

async function review({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '409' });
  server.state.catalog.conflict = '`1.5.0` was rejected by user:default/ann a minute ago: “no slo”';
  await page.goto('/catalog/reviews');
  await page.waitForSelector('.review-panel .diff .added');
  assert.match(await page.locator('.review-panel .diff').innerText(), /gpt-4o-mini/);
  await page.keyboard.press('a');
  await page.keyboard.type('evals hold');
  await page.keyboard.press('Enter');
  await page.locator('.answer .problem').waitFor();
  assert.match(await page.locator('.answer .problem').innerText(), /rejected by user:default\/ann/);
  await screenshot(page, 'review-conflict-light-1280');
  await page.getByRole('button', { name: 'Approve 1.5.0' }).click();
  await until(page, 'it left the list', () => !document.querySelector('.split-list')?.textContent?.includes('1.5.0'));
  await shown(
    page,
    'you applied it, sent its files or submitted it; somebody else must approve it, and you may reject it',
  );
  await shown(page, 'sent by user:default/admin');
  assert.ok(await page.getByRole('button', { name: 'Approve' }).isDisabled(), 'who sent its files cannot approve it');
  assert.ok(await page.getByRole('button', { name: 'Reject' }).isEnabled(), 'who sent its files may take them back');
  await screenshot(page, 'review-of-template-light-1280');
  await page.goto(`${AGENT}?tab=versions`);
  await page.waitForSelector('.version-steps');
  await shown(page, 'evals hold');
  await page.getByRole('button', { name: 'Retire' }).click();
  await page.getByLabel(/Why retire/).fill('replaced');
  await page.keyboard.press('Enter');
  await until(page, 'it is retired', () =>
    document.querySelector('.block h2 .status')?.textContent?.includes('Retired'),
  );
  assert.deepEqual(await findings(page), []);
  await close();
}

async function viewer({ browser, server }) {
  server.state.role = 'viewer';
  const { page, close } = await open(browser, server);
  await page.goto('/catalog/reviews');
  await page.waitForSelector('.review-panel');
  assert.ok(await page.getByRole('button', { name: 'Reject' }).isDisabled(), 'a viewer rejects nothing');
  await shown(page, 'This needs an approver.');
  await page.goto(`${AGENT}?tab=yaml`);
  await page.waitForSelector('.code-block');
  assert.ok(await page.getByRole('button', { name: 'Change it' }).isDisabled());
  server.state.role = 'administrator';
  await close();
}

async function document({ browser, server }) {
  const { page, close } = await open(browser, server);
  await page.goto(`${AGENT}?tab=yaml`);
  await page.getByRole('button', { name: 'Change it' }).click();
  const editor = page.getByLabel('Document in YAML');
  const text = await editor.inputValue();
  await editor.fill(text.replace('lifecycle', 'lifecyle'));
  await page.waitForSelector('.code-lines li.error');
  await shown(page, 'did you mean lifecycle?');
  assert.ok(await page.getByRole('button', { name: 'Apply' }).isDisabled());
  await editor.fill(text.replace('production', 'deprecated'));
  await shown(page, 'would change');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.waitForSelector('#entity-view .code-block');
  await close();
}

/** A name that none of an entity may be is its title there; a declared entity may have a title of its own. */
async function listedOnce({ browser, server }) {
  const { page, close } = await open(browser, server);
  const hit = (kind, name, title) => ({ ref: `x:default/${name}`, class: kind, title, kind: 'X', place: 'entity' });
  const answers = {
    agents: [{ agent: 'zz/helm' }, { agent: 'zz-desk' }],
    models: [{ model: 'gpt-zz:free' }],
    'catalog/search': [
      hit('agent', 'zz-helm', 'zz/helm'),
      hit('agent', 'zz-desk', 'Zz refund desk'),
      hit('model', 'gpt-zz-free', 'gpt-zz:free'),
      hit('model', 'unused-zz', 'unused-zz'),
    ],
  };
  const second = gate();
  let isAsked = false;
  for (const [path, items] of Object.entries(answers)) {
    await page.route(
      (url) => url.pathname === `/api/v1/${path}`,
      async (route) => {
        if (new URL(route.request().url()).searchParams.get('q') !== 'zz') return route.fulfill({ json: { items } });
        isAsked = true;
        await second.opened;
        return route.fulfill({ json: { items: [hit('skill', 'zz', 'zz'), ...items] } });
      },
    );
  }
  await page.goto('/settings');
  await page.waitForSelector('#main h1');
  await page.keyboard.press('Control+k');
  const listed = async () => {
    const labels = await page.evaluate(() =>
      [...document.querySelectorAll('.palette li .entry-label')].map((one) => one.textContent),
    );
    return labels.filter((label) => /zz/i.test(label)).sort();
  };
  const once = ['Zz refund desk', 'gpt-zz:free', 'unused-zz', 'zz/helm'];
  await page.keyboard.press('z');
  await eventually('all are found', async () => isDeepStrictEqual(await listed(), once));
  await page.keyboard.press('z');
  await eventually('it is searched again', () => isAsked);
  assert.deepEqual(await listed(), once, 'what was found stays until there is more to say');
  await page.keyboard.press('ArrowDown');
  const chosen = () => page.locator('.palette [aria-selected=true] .entry-label').innerText();
  const moved = await chosen();
  second.open();
  await eventually('one more is found', async () => isDeepStrictEqual(await listed(), [...once, 'zz'].sort()));
  assert.equal(await chosen(), moved, 'what somebody moved to stays chosen when another comes before it');
  await close();
}

async function missing({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '404' });
  await page.goto('/catalog/component/default/no-such-thing');
  await shown(page, 'There is no component:default/no-such-thing');
  assert.deepEqual(await findings(page), []);
  await screenshot(page, 'entity-missing-light-1280');
  await close();
}

export const catalogMockFlows = [
  { name: 'catalog: pages, kinds, order, filters and keys', run: list },
  { name: 'catalog: an agent in five seconds', run: glance },
  { name: 'catalog: a budget of calls, and a model that was refused', run: refusals },
  { name: 'catalog: a document is checked while one types', run: document },
  { name: 'catalog: a viewer decides nothing', run: viewer },
  { name: 'catalog: a review, and somebody who was faster', run: review },
  { name: 'catalog: the palette finds by description', run: palette },
  { name: 'catalog: the palette lists an agent and a model once', run: listedOnce },
  { name: 'catalog: what is not there says so', run: missing },
];
