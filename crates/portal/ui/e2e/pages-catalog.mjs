/** The pages of the catalog: its list, one entity of every class that is there, and the reviews. */

const LIST = 'table.rows tbody tr, .empty';
const CLASSES = ['agent', 'model', 'tool_server', 'tool', 'skill', 'prompt', 'template', 'api', 'system', 'group'];

export async function catalogSubject(read) {
  const firsts = await Promise.all(
    CLASSES.map(async (name) => [
      name,
      (await read(`/catalog/entities?class=${name}&sort=-last_seen&limit=1`)).items[0],
    ]),
  );
  const discovered = (await read('/catalog/entities?origin=discovered&limit=1')).items[0];
  // Whoever was seen last may be one that nobody declared: that one has no versions.
  const declared = (await read('/catalog/entities?class=agent&origin=declared&sort=-last_seen&limit=1')).items[0];
  return { firsts: firsts.filter(([, one]) => one), discovered, declared };
}

/** `kind:namespace/name` as an address. */
const path = ({ ref }) => `/catalog/${ref.replace(':', '/').split('/').map(encodeURIComponent).join('/')}`;

export function catalogPages({ firsts, discovered, declared }) {
  const found = [
    ['catalog', '/catalog', LIST],
    ['catalog-agents', '/catalog?class=agent&sort=-level', LIST],
    ['catalog-none', '/catalog?q=nothing-has-this-name', '.empty'],
    ['reviews', '/catalog/reviews', LIST],
  ];
  for (const [name, one] of firsts) found.push([`entity-${name}`, path(one), '#entity-view .block']);
  if (declared) {
    for (const [tab, ready] of [
      ['runs', '#entity-view .block'],
      ['evals', '#entity-view .block'],
      ['permissions', '#entity-view table, #entity-view .empty, #entity-view .remark'],
      ['scorecard', '.level-strip'],
      ['versions', '.version-steps'],
      ['yaml', '#entity-view .code-block'],
    ])
      found.push([`entity-agent-${tab}`, `${path(declared)}?tab=${tab}`, ready]);
  }
  if (discovered) found.push(['entity-discovered', `${path(discovered)}?tab=yaml`, '.code-editor, .code-block']);
  return found;
}
