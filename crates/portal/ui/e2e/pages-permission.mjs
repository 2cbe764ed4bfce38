/** The pages of permission. Where nothing was decided yet they show what to do first, else their tables. */

const LIST = 'table.rows tbody tr, .empty';

export async function permissionSubject(read) {
  const items = async (path) => (await read(path)).items;
  const [boundaries, servers, decisions, entries] = await Promise.all(
    ['/boundaries', '/tool-servers', '/decisions?limit=20', '/audit/entries?limit=5'].map(items),
  );
  return { boundaries, servers, decisions, entries };
}

export function permissionPages({ boundaries, servers, decisions, entries }) {
  const found = [
    ['approvals', '/approvals', LIST],
    ['approvals-past', '/approvals?show=past', LIST],
    ['boundaries', '/boundaries', LIST],
    ['boundary-new', '/boundaries?new=1', '.code-editor'],
    ['decisions', '/decisions', LIST],
    ['tools', '/tools', LIST],
    ['tools-new', '/tools?new=1', '.line-form'],
    ['budgets', '/budgets', LIST],
    ['budget-new', '/budgets?new=1', '.form'],
    ['pause', '/budgets?pause=1', '.line-form'],
    ['audit', '/audit', '.split'],
  ];
  const [boundary] = boundaries;
  if (boundary) {
    const path = `/boundaries/${encodeURIComponent(boundary.name)}`;
    found.push(['boundary', path, '.check-state .status']);
    found.push(['boundary-impact', `${path}?tab=impact`, '.impact-words']);
    found.push(['boundary-history', `${path}?tab=history`, '.history, .calm']);
  }
  // The server with most to look at, and its tool that is withheld.
  const [server] = [...servers].sort((a, b) => b.withheld - a.withheld || b.tools - a.tools);
  if (server) found.push(['tool-server', `/tools/${encodeURIComponent(server.name)}`, LIST]);
  const decision = decisions.find(({ effect }) => effect === 'deny') ?? decisions[0];
  if (decision) found.push(['decision', `/decisions?decision=${encodeURIComponent(decision.id)}`, '.panel .run-facts']);
  if (entries[0]) found.push(['audit-entry', `/audit?entry=${entries[0].index}`, '.panel-head .status.ok']);
  return found;
}
