/** The pages of golden paths, scorecards, dependencies, documentation and ingestion. */

export async function goldenSubject(read) {
  const first = async (query) => (await read(`/catalog/entities?${query}&limit=1`)).items?.[0]?.ref;
  const template = (await read('/catalog/templates')).items?.find((one) => one.runnable);
  const agent = await first('class=agent&sort=-level');
  const documented = agent && (await read(`/catalog/entities/${agent.replace(':', '/')}`)).has_docs;
  return { agent, model: await first('class=model'), template, documented };
}

const graphPath = (ref) => `/catalog/graph?ref=${encodeURIComponent(ref)}`;
const GRAPH = '.entity-node';

export function goldenPages({ agent, model, template, documented }) {
  const found = [
    ['create', '/create', '.cards .card'],
    ['scorecards', '/catalog/scorecards', '.heat-map tbody tr, .empty'],
    ['scorecards-agents', '/catalog/scorecards?by=agent', '.heat-map tbody tr, .empty'],
    ['scorecards-table', '/catalog/scorecards?by=agent&as=table', '[aria-label="Scorecards as a table"], .empty'],
    ['ingestion', '/catalog/ingestion', 'table.sources tbody tr, .empty'],
    ['ingestion-dangling', '/catalog/ingestion?tab=dangling', '#ingestion-panel p'],
    ['graph-choose', '/catalog/graph', 'table.rows tbody tr, .empty'],
  ];
  if (template) {
    const path = `/create/${template.namespace}/${template.name}`;
    found.push(['template', path, '.questions']);
    found.push(['template-made', `${path}?tab=made`, '#template-panel table, #template-panel .empty']);
    found.push(['template-source', `${path}?tab=source`, '.file-text']);
  }
  if (agent) {
    const [, kind, namespace, name] = /^(.+?):(.+?)\/(.+)$/.exec(agent);
    const path = `/catalog/${[kind, namespace, name].map(encodeURIComponent).join('/')}`;
    if (documented) found.push(['docs', `${path}?tab=docs`, '.docs']);
    found.push(['dependencies', `${path}?tab=dependencies`, GRAPH]);
  }
  for (const [name, ref] of [
    ['agent', agent],
    ['model', model],
  ]) {
    if (!ref) continue;
    found.push([`graph-${name}`, graphPath(ref), GRAPH]);
    found.push([`graph-${name}-table`, `${graphPath(ref)}&as=table&depth=3`, '.graph-block table']);
  }
  return found;
}
