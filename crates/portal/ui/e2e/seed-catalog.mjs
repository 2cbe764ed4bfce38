import assert from 'node:assert/strict';
import { call } from './browser.mjs';

/** A small catalog for a real server, through its public doors: documents are applied, versions approved. */

const entity = (kind, name, { title, description, version, spec }) =>
  `apiVersion: backstage.io/v1alpha1
kind: ${kind}
metadata:
  name: ${name}
${title ? `  title: ${title}\n` : ''}${description ? `  description: ${description}\n` : ''}${
    version ? `  annotations:\n    mizzen.dev/version: ${JSON.stringify(version)}\n` : ''
  }spec:
${spec
  .trim()
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}
`;

export const agentText = (
  name,
  { version = '1.0.0', owner = 'group:default/support', models = '[harbor-small]' } = {},
) =>
  entity('Component', name, {
    description: 'Answers questions about orders and offers refunds.',
    version,
    spec: `type: ai-agent
lifecycle: production
owner: ${owner}
system: checkout
consumesApis: [shop]
dependsOn: ['resource:default/harbor-small']
agent:
  purpose: Answers questions about orders and offers refunds.
  prohibitedUses: [legal advice]
  autonomy: 2
  riskTier: medium
  models: ${models}
  tools:
    - { server: shop, tool: find_order, effect: read }
  runbook: https://wiki.example.com/order-support`,
  });

const SEED = [
  entity('Group', 'support', { title: 'Support', spec: 'type: team\nchildren: []' }),
  entity('Group', 'platform', { title: 'Platform', spec: 'type: team\nchildren: []' }),
  entity('User', 'ann', { spec: 'memberOf: [support]' }),
  entity('System', 'checkout', { description: 'From basket to delivery.', spec: 'owner: group:default/support' }),
  agentText('order-support'),
  entity('API', 'shop', {
    description: 'Tools over the orders database.',
    version: '3',
    spec: 'type: mcp-server\nlifecycle: production\nowner: support\nsystem: checkout\nremotes:\n  - { type: streamable-http, url: https://shop.example.com/mcp }',
  }),
  entity('API', 'orders', {
    spec: 'type: openapi\nlifecycle: production\nowner: support\nsystem: checkout\ndefinition: "openapi: 3.1.0"',
  }),
  entity('Component', 'basket', { spec: 'type: service\nlifecycle: production\nowner: platform\nsystem: checkout' }),
  entity('Resource', 'harbor-small', { version: '1', spec: 'type: ai-model\nowner: platform' }),
  entity('AiResource', 'tone-of-voice', { version: '7', spec: 'type: prompt\nlifecycle: production\nowner: support' }),
  entity('AiResource', 'refund-policy', {
    description: 'How to decide on a refund.',
    version: '2',
    spec: 'type: skill\nlifecycle: production\nowner: support',
  }),
].join('---\n');

export async function applyDocuments(page, server, text, source = 'seed.yaml') {
  const { status, body } = await call(page, server, 'POST', `/catalog/apply?source=${source}`, text);
  assert.equal(status, 200, `apply answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

export const decide = (page, server, reference, tag, action, reason) =>
  call(
    page,
    server,
    'POST',
    `/catalog/entities/${reference.replace(':', '/')}/versions/${encodeURIComponent(tag)}/${action}`,
    { reason, digest: null },
  );

/** Can be done again: what is there already stays as it is. */
export async function seedCatalog(page, server) {
  const results = await applyDocuments(page, server, SEED);
  for (const { ref, error, result } of results) assert.notEqual(result, 'rejected', `${ref} was rejected: ${error}`);
  for (const { ref, tag, state } of results) {
    if (tag && state === 'pending' && ref !== 'airesource:default/refund-policy') {
      const { status, body } = await decide(page, server, ref, tag, 'approve', 'seen by a browser test');
      assert.equal(status, 200, `approving ${ref} answered ${status}: ${JSON.stringify(body)}`);
    }
  }
}
