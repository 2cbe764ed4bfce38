import assert from 'node:assert/strict';
import { call, findings, open, shown, until } from './browser.mjs';
import { applyDocuments } from './seed-catalog.mjs';

/** Golden paths, dependencies, scorecards, documentation and ingestion on a real server, seeded through its public doors. */

/** Answers whatever a golden path asks, as its schema says; returns the name. */
async function answer(page, name) {
  await page.getByLabel('Name', { exact: true }).fill(name);
  for (const [label, text] of [
    [/^Owner/, 'platform'],
    [/^Purpose/, 'Answers questions in a browser test'],
  ]) {
    const field = page.getByLabel(label);
    if ((await field.count()) > 0) await field.fill(text);
  }
}

/** From the card to the entity: a dry run that writes nothing, a run that does, and its page in the catalog. */
async function create({ browser, server }) {
  const { page, close } = await open(browser, server, { expected: '422' });
  const name = `browser-${Date.now()}`;
  await page.goto('/create');
  await page.locator('.card a[href="/create/default/agent-tool-using"]').first().click();
  await page.waitForSelector('.questions');
  await answer(page, 'No Such Name');
  await page.getByRole('button', { name: 'Show what it would make' }).click();
  await page.waitForSelector('.question.wrong, .failure');
  await answer(page, name);
  await page.getByRole('button', { name: 'Show what it would make' }).click();
  await page.waitForSelector('.file-tree button');
  assert.deepEqual(await findings(page), []);
  const missing = await page.request.get(`/api/v1/catalog/entities/component/default/${name}`);
  assert.equal(missing.status(), 404, 'a dry run has made the entity');
  await page.locator('.file-tree button', { hasText: 'catalog-info.yaml' }).click();
  await until(
    page,
    'the file is shown',
    (wanted) => document.querySelector('.file-text')?.textContent?.includes(wanted),
    name,
  );
  await page.getByRole('button', { name: 'Create it' }).click();
  await page.waitForSelector('.made-links');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: /^Download/ }).click();
  assert.match((await download).suggestedFilename(), /\.tar\.gz$/);
  await page.locator('.made-links').getByRole('link', { name }).first().click();
  await until(page, 'its page is open', (wanted) => location.pathname === `/catalog/component/default/${wanted}`, name);
  await page.goto('/create/default/agent-tool-using?tab=made');
  await page.locator('table', { hasText: name }).waitFor();
  await shown(page, 'Up to date');
  await close();
}

const documents = (name) => `apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: { name: ${name}-model }
spec: { type: ai-model, owner: platform }
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: ${name}-agent, title: Agent of ${name} }
spec:
  type: ai-agent
  lifecycle: production
  owner: group:default/platform
  dependsOn: ['resource:default/${name}-model', 'resource:default/${name}-gone']
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: ${name}-boss, title: Boss of ${name} }
spec:
  type: ai-agent
  lifecycle: production
  owner: group:default/platform
  dependsOn: ['component:default/${name}-agent']
`;

/** What was declared is drawn, what is missing is named, and what breaks is told with its way. */
async function dependencies({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `graph-${Date.now()}`;
  await applyDocuments(page, server, documents(name), 'browser.yaml');
  await page.goto(`/catalog/graph?ref=${encodeURIComponent(`resource:default/${name}-model`)}`);
  await page.waitForSelector('.entity-node');
  await shown(page, '2 entities: 2 agents');
  assert.equal(await page.locator('.entity-node').count(), 3);
  assert.match(await page.locator('.impact-block tbody').innerText(), /directly[\s\S]*2 steps away/);
  await page.getByRole('button', { name: '1 step' }).click();
  await until(page, 'one step is drawn', () => document.querySelectorAll('.entity-node').length === 2);
  await page.goto(`/catalog/component/default/${name}-agent?tab=dependencies`);
  await page.waitForSelector('.entity-node.missing');
  assert.match(await page.locator('.entity-node.missing').textContent(), /not there/);
  assert.deepEqual(await findings(page), []);
  const path = `/api/v1/catalog/entities/component/default/${name}-agent/graph?depth=3`;
  const [first, second] = [await page.request.get(path), await page.request.get(path)];
  assert.equal(await first.text(), await second.text(), 'the same picture every time');
  await page.goto('/catalog/ingestion?tab=dangling');
  await shown(page, `${name}-gone`);
  await close();
}

async function scorecards({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `score-${Date.now()}`;
  await applyDocuments(page, server, documents(name), 'browser.yaml');
  // Cards are made in rounds of a minute, or when somebody asks for one.
  const card = await page.request.get(`/api/v1/catalog/entities/component/default/${name}-agent/scorecard`);
  assert.ok(card.ok(), `its card answered ${card.status()}`);
  await page.goto('/catalog/scorecards?by=agent');
  await page
    .locator('.heat-map')
    .getByRole('link', { name: `Agent of ${name}` })
    .waitFor();
  // No check is green without evidence: nothing of this agent was seen.
  const row = page.locator('.heat-map tr', { hasText: `Agent of ${name}` });
  assert.ok((await row.locator('.cell-no_evidence').count()) > 0);
  assert.match(await row.locator('.cell-no_evidence').first().innerText(), /None/);
  await row.getByRole('link').first().click();
  await until(page, 'its checks are open', () => location.search.includes('tab=scorecard'));
  await close();
}

async function docs({ browser, server }) {
  const { page, close } = await open(browser, server);
  const name = `docs-${Date.now()}`;
  await applyDocuments(page, server, documents(name), 'browser.yaml');
  const file = (path, content) => ({ path, encoding: 'utf-8', content });
  const { status, body } = await call(page, server, 'PUT', `/catalog/entities/component/default/${name}-agent/docs`, {
    files: [
      file('mkdocs.yml', 'site_name: Browser test\nnav:\n  - Home: index.md\n  - Runbook: runbook.md\n'),
      file(
        'docs/index.md',
        `# Welcome\n\nRead the [runbook](runbook.md).\n\n<script>document.title='broken'</script>\n\n## Quokka${name.replace('-', '')}\n`,
      ),
      file('docs/runbook.md', '# Runbook\n\n## Stop it\n\nPause it.\n\n## Start it\n\nResume it.\n'),
    ],
  });
  assert.ok(status < 300, `the documents were refused: ${JSON.stringify(body)}`);
  await page.goto(`/catalog/component/default/${name}-agent?tab=docs`);
  await shown(page, 'Read the runbook');
  assert.notEqual(await page.title(), 'broken');
  await page.locator('.rendered').getByRole('link', { name: 'runbook' }).click();
  await until(page, 'the runbook is open', () => location.search.includes('doc=runbook.md'));
  await page.locator('.docs-toc').getByRole('link', { name: 'Start it' }).click();
  assert.deepEqual(await findings(page), []);
  await page.getByRole('link', { name: /Previous:/ }).click();
  await shown(page, 'Read the runbook');
  await page.getByLabel('Search these pages').fill('runbook');
  await page.waitForSelector('.docs-found a');
  await close();
}

async function ingestion({ browser, server }) {
  const { page, close } = await open(browser, server);
  const target = `http://127.0.0.1:9/browser-${Date.now()}.yaml`;
  await page.goto('/catalog/ingestion?new=1');
  await page.getByLabel('Address of the documents').fill(target);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const row = page.locator('tr', { hasText: target });
  await row.first().waitFor();
  // Nothing listens there, and the page says so by itself once it was tried.
  await page.locator('tr', { hasText: target }).locator('.status.error').first().waitFor({ timeout: 30_000 });
  assert.deepEqual(await findings(page), []);
  await row.first().getByRole('button', { name: 'Remove' }).click();
  await row.first().getByRole('button', { name: 'Remove' }).click();
  await row.first().waitFor({ state: 'detached' });
  await close();
}

export const goldenFlows = [
  { name: 'golden path: an agent is made and found in the catalog, by the API', run: create },
  { name: 'dependencies: what is declared is drawn and what breaks is told, by the API', run: dependencies },
  { name: 'scorecards: an agent without evidence is not green, by the API', run: scorecards },
  { name: 'documentation: put, read, searched, by the API', run: docs },
  { name: 'ingestion: a location that fails says so, by the API', run: ingestion },
];
