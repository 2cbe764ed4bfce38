// Every method of `@backstage/catalog-client`, asked of the server whose address comes on standard input.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
const { CatalogClient, CATALOG_FILTER_EXISTS } = require('@backstage/catalog-client');
const { stringifyEntityRef, parseEntityRef } = require('@backstage/catalog-model');
const version = JSON.parse(readFileSync(require.resolve('@backstage/catalog-client/package.json'), 'utf8')).version;

const given = JSON.parse(readFileSync(0, 'utf8'));
const client = new CatalogClient({ discoveryApi: { getBaseUrl: async () => given.url } });
const signedIn = { token: given.token };
const refs = items => items.map(stringifyEntityRef).sort();
const own = new Set(given.applied['corpus.yaml']);
const all = new Set(Object.values(given.applied).flat());
// What the samples hold besides must not change what is asked of the corpus.
const ofCorpus = items => refs(items).filter(ref => own.has(ref));

async function pages(request, limit) {
  const seen = [];
  let answer = await client.queryEntities({ ...request, limit }, signedIn);
  assert.equal(answer.pageInfo.prevCursor, undefined, 'nothing is before the first page');
  seen.push(answer);
  while (answer.pageInfo.nextCursor) {
    answer = await client.queryEntities({ cursor: answer.pageInfo.nextCursor, limit }, signedIn);
    seen.push(answer);
    assert.ok(seen.length < 1000);
  }
  return seen;
}

/** What a call fails with, as the client understood it. */
async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('it was expected to fail');
}

const cases = {
  async getEntities() {
    const everything = await client.getEntities({}, signedIn);
    assert.deepEqual(refs(everything.items), [...all].sort());
    const agents = await client.getEntities({ filter: { kind: 'component', 'spec.type': 'ai-agent' } }, signedIn);
    assert.deepEqual(ofCorpus(agents.items), ['component:default/returns-assistant', 'component:default/shop-assistant']);
    const one = agents.items.find(item => item.metadata.name === 'shop-assistant');
    assert.equal(one.metadata.namespace, 'default');
    assert.match(one.metadata.uid, /.{8,}/);
    assert.match(one.metadata.etag, /.{8,}/);
    assert.ok(one.metadata.annotations['backstage.io/managed-by-location'].includes(':'));
    assert.ok(one.metadata.annotations['backstage.io/managed-by-origin-location'].includes(':'));
    assert.deepEqual(one.relations, [
      { type: 'consumesApi', targetRef: 'api:default/orders-tools' },
      { type: 'dependsOn', targetRef: 'resource:default/small-model' },
      { type: 'ownedBy', targetRef: 'group:default/shop' },
      { type: 'partOf', targetRef: 'system:default/checkout' },
    ]);
  },

  async filters() {
    const select = async filter => ofCorpus((await client.getEntities({ filter }, signedIn)).items);
    const java = ['component:default/basket', 'component:default/web-shop'];
    assert.deepEqual(await select({ kind: 'Component', 'metadata.tags': 'JAVA' }), java);
    assert.deepEqual(await select({ kind: 'component', 'metadata.tags.java': CATALOG_FILTER_EXISTS }), java);
    assert.deepEqual(await select({ kind: 'component', 'metadata.tags.java': 'true' }), java);
    assert.deepEqual(await select({ 'relations.ownedBy': 'group:platform/ops', kind: ['component', 'API'] }), [
      'component:default/basket-cache', 'component:platform/ledger',
    ]);
    assert.deepEqual(await select([{ kind: 'user' }, { kind: 'domain', 'spec.subdomainOf': CATALOG_FILTER_EXISTS }]), [
      'domain:default/online', 'user:default/ann', 'user:default/ben',
    ]);
    assert.deepEqual(await select({ 'spec.limits.name': 'memory' }), ['component:default/basket-cache']);
    assert.deepEqual(await select({ 'spec.replicas': '3' }), ['component:default/basket-cache']);
    assert.deepEqual(await select({ 'metadata.annotations.example.com/cost-centre': '4711' }), ['component:default/web-shop']);
    assert.deepEqual(await select({ 'relations.memberOf': 'group:default/shop', kind: 'user' }), [
      'user:default/ann', 'user:default/ben',
    ]);
    assert.deepEqual(await select({ kind: 'nothing-like-it' }), []);
    const wrong = await failure(client.getEntities({ filter: { '': 'x' } }, signedIn));
    assert.equal(wrong.statusCode, 400);
    assert.equal(wrong.cause.name, 'InputError');

  },

  async fields_and_order() {
    const order = [{ field: 'kind', order: 'desc' }, { field: 'metadata.name', order: 'asc' }];
    const filter = { kind: ['group', 'user'] };
    const fields = ['kind', 'metadata.name', 'spec.profile.displayName'];
    const { items } = await client.getEntities({ filter, fields, order }, signedIn);
    const corpus = items.filter(item => ['Ann', 'ben', 'board', 'ops', 'shop'].includes(item.metadata.name));
    assert.deepEqual(corpus, [
      { kind: 'User', metadata: { name: 'Ann' }, spec: { profile: { displayName: 'Ann Archer' } } },
      { kind: 'User', metadata: { name: 'ben' } },
      { kind: 'Group', metadata: { name: 'board' } },
      { kind: 'Group', metadata: { name: 'ops' } },
      { kind: 'Group', metadata: { name: 'shop' }, spec: { profile: { displayName: 'Team Shop' } } },
    ]);
    const some = await client.getEntities({ filter, order, offset: 1, limit: 2, fields: ['metadata.name'] }, signedIn);
    assert.equal(some.items.length, 2);
    assert.deepEqual(some.items, items.slice(1, 3).map(({ metadata }) => ({ metadata })));
    const unordered = await failure(client.getEntities({ fields: ['metadata.tags[0]'] }, signedIn));
    assert.equal(unordered.statusCode, 400);
  },

  async after_the_first_entities() {
    const list = url => fetch(url, { headers: { authorization: `Bearer ${given.token}` } });
    let answer = await list(`${given.url}/entities?limit=7&fields=kind,metadata`);
    const seen = await answer.json();
    for (let more; (more = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')); ) {
      answer = await list(new URL(more[1], given.url));
      seen.push(...(await answer.json()));
      assert.ok(seen.length <= all.size);
    }
    assert.deepEqual(refs(seen), [...all].sort());
  },

  async getEntitiesByRefs() {
    const entityRefs = ['user:default/ben', 'component:default/no-such', 'api:default/basket', 'component:default/basket'];
    const { items } = await client.getEntitiesByRefs({ entityRefs, fields: ['kind', 'metadata.name', 'metadata.namespace'] }, signedIn);
    assert.deepEqual(items.map(item => item && stringifyEntityRef(item)), [
      'user:default/ben', undefined, 'api:default/basket', 'component:default/basket',
    ]);
    const kept = await client.getEntitiesByRefs({ entityRefs, filter: { kind: 'api' } }, signedIn);
    assert.deepEqual(kept.items.map(item => item?.kind), [undefined, undefined, 'API', undefined]);
    const asked = { entityRefs, filter: { kind: ['api', 'component'] }, query: { $not: { kind: 'api' } } };
    assert.deepEqual((await client.getEntitiesByRefs(asked, signedIn)).items.map(item => item?.kind), [undefined, undefined, undefined, 'Component']);
    const many = [...all, ...Array.from({ length: 1500 }, (_, n) => `component:default/no-such-${n}`)];
    const found = (await client.getEntitiesByRefs({ entityRefs: many }, signedIn)).items;
    assert.equal(found.length, many.length);
    assert.equal(found.filter(Boolean).length, all.size);
  },

  async queryEntities_forwards_and_backwards() {
    const request = { orderFields: { field: 'metadata.name', order: 'asc' }, fields: ['kind', 'metadata'] };
    const seen = await pages(request, 6);
    assert.ok(seen.length > 3);
    assert.ok(seen.every(page => page.totalItems === all.size));
    const names = seen.flatMap(page => page.items.map(item => item.metadata.name.toLowerCase()));
    assert.deepEqual(names, [...names].sort());
    assert.deepEqual(refs(seen.flatMap(page => page.items)), [...all].sort());
    for (let at = seen.length - 1; at > 0; at -= 1) {
      const before = await client.queryEntities({ cursor: seen[at].pageInfo.prevCursor, limit: 6, fields: ['kind', 'metadata'] }, signedIn);
      assert.deepEqual(before.items.map(stringifyEntityRef), seen[at - 1].items.map(stringifyEntityRef), `page ${at} back`);
      assert.equal(before.totalItems, all.size);
      assert.equal(before.pageInfo.prevCursor === undefined, at === 1);
      assert.ok(before.pageInfo.nextCursor);
    }
    const down = await pages({ ...request, orderFields: [{ field: 'metadata.name', order: 'desc' }] }, 50);
    assert.deepEqual(down.flatMap(page => page.items.map(item => item.metadata.name.toLowerCase())), [...names].reverse());
    assert.equal((await failure(client.queryEntities({ cursor: 'bm90aGluZw==' }, signedIn))).statusCode, 400);
  },

  async queryEntities_modes() {
    const filter = { kind: 'component', 'metadata.namespace': 'default' };
    const counted = await client.queryEntities({ filter, limit: 0 }, signedIn);
    assert.deepEqual(counted.items, []);
    assert.ok(counted.totalItems >= 5);
    const uncounted = await client.queryEntities({ filter, totalItems: 'exclude', limit: 2 }, signedIn);
    assert.equal(uncounted.items.length, 2);
    assert.equal(uncounted.totalItems, 0);
    const offset = await client.queryEntities({ filter, offset: counted.totalItems - 1, orderFields: { field: 'metadata.name', order: 'asc' } }, signedIn);
    assert.equal(offset.items.length, 1);
    // What has no value of the field that a list is ordered by is not on it, as in Backstage.
    const titled = await client.queryEntities({ orderFields: { field: 'metadata.title', order: 'asc' } }, signedIn);
    assert.ok(titled.items.length > 0 && titled.items.every(item => item.metadata.title !== undefined));
    assert.equal(titled.totalItems, titled.items.length);
  },

  async full_text() {
    const find = async fullTextFilter => ofCorpus((await client.queryEntities({ fullTextFilter, limit: 500 }, signedIn)).items);
    const fields = ['metadata.name', 'metadata.title', 'spec.profile.displayName'];
    assert.deepEqual(await find({ term: ' ARCHER ', fields }), ['user:default/ann']);
    assert.deepEqual(await find({ term: 'assist', fields }), ['component:default/returns-assistant', 'component:default/shop-assistant']);
    assert.deepEqual(await find({ term: '100%_', fields }), []);
    const ordered = { orderFields: { field: 'metadata.name', order: 'desc' }, fullTextFilter: { term: 'orders' }, limit: 500 };
    const { items } = await client.queryEntities(ordered, signedIn);
    assert.deepEqual(items.filter(item => own.has(stringifyEntityRef(item))).map(item => item.metadata.name), ['orders-tools', 'orders-db', 'orders']);
  },

  async queryEntitiesByPredicate() {
    const select = async query => ofCorpus((await client.queryEntities({ query, limit: 500 }, signedIn)).items);
    assert.deepEqual(await select({ $all: [{ kind: 'component' }, { $not: { 'metadata.tags': { $contains: 'java' } } }, { 'spec.type': { $in: ['service', 'library'] } }] }), [
      'component:default/basket-cache', 'component:platform/ledger',
    ]);
    assert.deepEqual(await select({ kind: 'component', 'metadata.name': { $hasPrefix: 'BASKET' } }), [
      'component:default/basket', 'component:default/basket-cache',
    ]);
    assert.deepEqual(await select({ relations: { $contains: { type: 'ownedBy', targetRef: { $in: ['user:default/ben', 'group:default/board'] } } } }), [
      'api:default/basket', 'component:default/basket', 'domain:default/online', 'domain:default/retail',
    ]);
    assert.deepEqual(await select({ $any: [{ kind: 'user' }, { 'spec.subdomainOf': { $exists: true } }] }), [
      'domain:default/online', 'user:default/ann', 'user:default/ben',
    ]);
    const first = await client.queryEntities({ query: { kind: 'component' }, limit: 3, orderFields: { field: 'metadata.name', order: 'asc' } }, signedIn);
    const second = await client.queryEntities({ cursor: first.pageInfo.nextCursor, limit: 3 }, signedIn);
    assert.equal(second.totalItems, first.totalItems);
    assert.equal(new Set([...first.items, ...second.items].map(item => item.metadata.uid)).size, 6);
    const back = await client.queryEntities({ cursor: second.pageInfo.prevCursor, limit: 3 }, signedIn);
    assert.deepEqual(back.items, first.items);
    assert.deepEqual(await select({ kind: 'user', $all: [] }).catch(error => error.statusCode), 400);
  },

  async getEntityByRef() {
    const shop = await client.getEntityByRef('component:default/web-shop', signedIn);
    assert.equal(shop.metadata.name, 'Web-Shop');
    assert.deepEqual(shop.metadata.labels, { tier: '1' });
    assert.deepEqual(shop.metadata.links, [{ url: 'https://shop.example.com', title: 'Shop', icon: 'web' }]);
    assert.deepEqual(shop.spec.dependsOn, ['Component:basket', 'resource:default/orders-db']);
    const same = await client.getEntityByRef({ kind: 'COMPONENT', namespace: 'Default', name: 'WEB-shop' }, signedIn);
    assert.deepEqual(same, shop);
    assert.equal(await client.getEntityByRef('component:default/no-such', signedIn), undefined);
    assert.equal(await client.getEntityByName({ kind: 'Component', name: 'no-such' }, signedIn), undefined);
    const team = await client.getEntityByRef('group:default/shop', signedIn);
    assert.deepEqual(team.relations.filter(relation => !['ownerOf'].includes(relation.type)), [
      { type: 'childOf', targetRef: 'group:default/board' },
      { type: 'hasMember', targetRef: 'user:default/ann' },
      { type: 'hasMember', targetRef: 'user:default/ben' },
    ]);
  },

  async errors_are_read_by_the_client() {
    const outside = await failure(client.getEntities());
    assert.equal(outside.name, 'ResponseError');
    assert.equal(outside.statusCode, 401);
    assert.equal(outside.cause.name, 'AuthenticationError');
    const wrong = await failure(client.getEntityByRef('component:default/basket', { token: 'not-a-token' }));
    assert.equal(wrong.statusCode, 401);
    const body = await (await fetch(`${given.url}/entities/by-name/component/default/no-such`, { headers: { authorization: `Bearer ${given.token}` } })).json();
    assert.equal(body.error.name, 'NotFoundError');
    assert.match(body.error.message, /no-such/);
    assert.deepEqual(body.request, { method: 'GET', url: '/entities/by-name/component/default/no-such' });
    assert.deepEqual(body.response, { statusCode: 404 });
  },

  async getEntityFacets() {
    const filter = [{ kind: 'component' }, { kind: 'api' }];
    const facets = ['kind', 'spec.type', 'metadata.tags', 'relations.ownedBy', 'spec.nothing'];
    const answer = (await client.getEntityFacets({ filter, facets }, signedIn)).facets;
    assert.deepEqual(Object.keys(answer), facets);
    assert.deepEqual(answer['spec.nothing'], []);
    const everything = (await client.getEntities({ filter }, signedIn)).items;
    const count = values => {
      const counts = new Map();
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
      return [...counts].map(([value, counted]) => ({ value, count: counted }));
    };
    const sorted = list => [...list].sort((a, b) => (a.value < b.value ? -1 : 1));
    assert.deepEqual(sorted(answer.kind), sorted(count(everything.map(item => item.kind))));
    assert.deepEqual(sorted(answer['spec.type']), sorted(count(everything.map(item => item.spec.type))));
    assert.deepEqual(sorted(answer['metadata.tags']), sorted(count(everything.flatMap(item => item.metadata.tags ?? []))));
    const owners = everything.flatMap(item => item.relations.filter(({ type }) => type === 'ownedBy').map(({ targetRef }) => targetRef));
    assert.deepEqual(sorted(answer['relations.ownedBy']), sorted(count(owners)));
    const predicated = await client.getEntityFacets({ query: { $any: filter }, facets }, signedIn);
    assert.deepEqual(predicated.facets, answer);
    assert.equal((await failure(client.getEntityFacets({ facets: [] }, signedIn))).statusCode, 400);
  },

  async streamEntities() {
    const seen = [];
    let asked = 0;
    for await (const page of client.streamEntities({ pageSize: 4, fields: ['kind', 'metadata'] }, signedIn)) {
      assert.ok(page.length <= 4);
      seen.push(...page);
      asked += 1;
    }
    assert.equal(asked, Math.ceil(all.size / 4));
    assert.deepEqual(refs(seen), [...all].sort());
  },

  async validateEntity() {
    const good = { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { name: 'a' }, spec: { type: 'service', lifecycle: 'x', owner: 'shop' } };
    assert.deepEqual(await client.validateEntity(good, 'url:https://example.com/catalog-info.yaml', signedIn), { valid: true });
    for (const [bad, says] of [
      [{ ...good, spec: { type: 'service', lifecycle: 'x' } }, /owner/],
      [{ ...good, metadata: { name: 'not a name' } }, /name/],
      [{ ...good, kind: undefined }, /kind/],
    ]) {
      const answer = await client.validateEntity(bad, 'url:https://example.com/catalog-info.yaml', signedIn);
      assert.equal(answer.valid, false);
      assert.match(answer.errors[0].message, says);
    }
    const place = await client.validateEntity(good, 'somewhere', signedIn);
    assert.equal(place.valid, false);
    assert.equal(await client.getEntityByRef('component:default/a', signedIn), undefined, 'nothing was kept');
  },

  async locations() {
    const target = `${given.documents}/catalog-info.yaml`;
    const before = (await client.getLocations({}, signedIn)).items;
    const dry = await client.addLocation({ target, dryRun: true }, signedIn);
    assert.equal(dry.exists, false);
    assert.ok(dry.entities.some(entity => entity.metadata.name === 'located'), 'the entities of a dry run');
    assert.equal(await client.getEntityByRef('component:default/located', signedIn), undefined);
    const { location } = await client.addLocation({ target }, signedIn);
    assert.equal(location.target, target);
    assert.equal(location.type, 'url');
    assert.match(location.entityRef, /^location:default\/generated-[0-9a-f]{40}$/);
    assert.equal((await failure(client.addLocation({ target }, signedIn))).statusCode, 409);
    assert.equal((await client.addLocation({ target, onConflict: 'refresh' }, signedIn)).location.id, location.id);
    assert.equal((await failure(client.addLocation({ target: 'x', type: 'nothing' }, signedIn))).statusCode, 400);
    assert.deepEqual(await client.getLocationById(location.id, signedIn), location);
    assert.equal(await client.getLocationById('no-such', signedIn), undefined);
    assert.deepEqual(await client.getLocationByRef(`url:${target}`, signedIn), location);
    assert.equal((await client.getLocations({}, signedIn)).items.length, before.length + 1);

    await client.refreshEntity(location.entityRef, signedIn);
    let located;
    for (let tries = 0; tries < 100 && !located; tries += 1) {
      located = await client.getEntityByRef('component:default/located', signedIn);
      if (!located) await new Promise(resolve => setTimeout(resolve, 100));
    }
    assert.equal(located.metadata.annotations['backstage.io/managed-by-location'], `url:${target}`);
    assert.deepEqual(await client.getLocationByEntity('component:default/located', signedIn), location);
    assert.equal(await client.getLocationByEntity('component:default/basket', signedIn), undefined);
    const ancestors = await client.getEntityAncestors({ entityRef: 'component:default/located' }, signedIn);
    assert.equal(ancestors.rootEntityRef, 'component:default/located');
    assert.deepEqual(ancestors.items.map(item => [stringifyEntityRef(item.entity), item.parentEntityRefs]), [
      ['component:default/located', [location.entityRef]], [location.entityRef, []],
    ]);
    await client.refreshEntity('component:default/located', signedIn);
    assert.equal((await failure(client.refreshEntity('component:default/no-such', signedIn))).statusCode, 404);

    const queried = await client.queryLocations({ query: { target: { $hasPrefix: given.documents.toUpperCase() } }, limit: 1 }, signedIn);
    assert.deepEqual(queried.items, [location]);
    assert.equal(queried.totalItems, 1);
    const moved = await client.updateLocation(location.id, { type: 'url', target: `${given.documents}/other.yaml` }, signedIn);
    // Unlike in Backstage the id follows from the target.
    assert.deepEqual([moved.type, moved.target], ['url', `${given.documents}/other.yaml`]);
    assert.deepEqual(await client.getLocationById(moved.id, signedIn), moved);
    assert.equal(await client.getLocationById(location.id, signedIn), undefined);
    const streamed = [];
    for await (const page of client.streamLocations({ limit: 1 }, signedIn)) streamed.push(...page);
    assert.equal(streamed.length, before.length + 1);
    await client.removeLocationById(moved.id, signedIn);
    assert.equal(await client.getLocationById(moved.id, signedIn), undefined);
    assert.equal((await failure(client.removeLocationById(moved.id, signedIn))).statusCode, 404);
  },

  async analyzeLocation() {
    const target = 'https://github.com/example/warehouse';
    const answer = await client.analyzeLocation({ location: { type: 'url', target } }, signedIn);
    assert.deepEqual(answer, {
      existingEntityFiles: [],
      generateEntities: [{
        entity: {
          apiVersion: 'backstage.io/v1alpha1',
          kind: 'Component',
          metadata: { name: 'warehouse', annotations: { 'github.com/project-slug': 'example/warehouse' } },
          spec: { type: 'other', lifecycle: 'unknown' },
        },
        fields: [],
      }],
    });
    assert.equal((await failure(client.analyzeLocation({ location: { type: 'url', target: 'nonsense' } }, signedIn))).statusCode, 400);
  },

  async removeEntityByUid() {
    const entity = await client.getEntityByRef('component:default/basket-cache', signedIn);
    await client.removeEntityByUid(entity.metadata.uid, signedIn);
    assert.equal(await client.getEntityByRef('component:default/basket-cache', signedIn), undefined);
    const whole = await client.getEntityByRef('component:default/basket', signedIn);
    assert.ok(!whole.relations.some(({ targetRef }) => targetRef === 'component:default/basket-cache'));
  },

  async everything_applied_is_what_it_was() {
    for (const ref of all) {
      if (ref === 'component:default/basket-cache') continue;
      const entity = await client.getEntityByRef(ref, signedIn);
      assert.ok(entity, ref);
      assert.equal(stringifyEntityRef(entity), stringifyEntityRef(parseEntityRef(ref)));
      for (const { type, targetRef } of entity.relations) {
        assert.equal(targetRef, stringifyEntityRef(parseEntityRef(targetRef)), `${ref} ${type}`);
      }
    }
  },
};

const report = [];
for (const [name, run] of Object.entries(cases)) {
  let error = null;
  try {
    await run();
  } catch (caught) {
    error = `${caught.stack ?? caught}${caught.cause ? `\n${caught.cause}` : ''}`;
  }
  report.push({ name, error });
}
console.log(JSON.stringify({ version, cases: report }));
