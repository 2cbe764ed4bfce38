import { useData } from '../../api/cache';
import type { List } from '../../api/shapes';
import type { ToolServer } from '../../api/tools';
import { exact, plural } from '../../format/number';
import { query } from '../../location';
import { toolServerPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { useFollow } from '../../ui/follow';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Empty } from '../../ui/waiting';
import { NewServer } from './new-server';
import { Profiles } from './profiles';
import { ServerStatus } from './status';
import { eraWords, faultBeside } from './words';
import { Ticked } from '../../ui/ticked';

const FOLLOW_MS = 8_000;

export default function ToolsPage() {
  const servers = useData<List<ToolServer>>('/tool-servers');
  useFollow(servers.reload, FOLLOW_MS);
  const items = servers.data.value?.items;
  const withheld = items?.reduce((sum, server) => sum + server.withheld, 0) ?? 0;
  return (
    <>
      <PageHead title="Tool servers">
        <span class="count">
          {items && plural(items.length, 'server')}
          {withheld > 0 && `, ${plural(withheld, 'tool')} withheld`}
        </span>
        <div class="actions">
          <ForRole least="administrator">
            <a class="button small primary" href="/tools?new=1">
              <Icon name="plus" /> Add a server
            </a>
          </ForRole>
        </div>
      </PageHead>
      {query.value.has('new') && <NewServer done={servers.reload} />}
      <Loaded resource={servers}>
        {(list) => (list.items.length > 0 ? <Table items={list.items} /> : <NoServer />)}
      </Loaded>
      {(items?.length ?? 0) > 0 && <Profiles />}
    </>
  );
}

function NoServer() {
  return (
    <Empty title="No tool server yet">
      <p>
        All tool servers stand behind one address, <code>{location.origin}/mcp</code>, with credentials that no agent
        sees. What a server offers is pinned when it is approved, and withheld when it changes.
      </p>
      <div class="empty-steps">
        <Command text="mizzen tools add files -- npx -y @modelcontextprotocol/server-filesystem ." />
        <p>
          or <a href="/tools?new=1">add one here</a>.
        </p>
      </div>
    </Empty>
  );
}

function Table({ items }: { items: ToolServer[] }) {
  return (
    <table class="rows" aria-label="Tool servers">
      <thead>
        <tr>
          <th scope="col" class="col-mode">
            State
          </th>
          <th scope="col">Server</th>
          <th scope="col" class="num mid">
            Tools
          </th>
          <th scope="col" class="num">
            Withheld
          </th>
          <th scope="col" class="mid">
            Transport
          </th>
          <th scope="col" class="wide" title="Which generation of the protocol the server speaks">
            Era
          </th>
          <th scope="col" class="widest">
            Where
          </th>
          <th scope="col" class="num mid">
            Last seen
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((server) => (
          <tr key={server.name}>
            <td class="col-mode">
              <ServerStatus server={server} />
            </td>
            <td class="clip for-narrow" title={server.fault ?? ''}>
              <a href={toolServerPath(server.name)} data-row>
                {server.name}
              </a>
              {server.fault && (
                <span class="bad-text">
                  {' '}
                  <Ticked text={faultBeside(server.name, server.fault)} />
                </span>
              )}
            </td>
            <td class="num mid">{exact(server.tools)}</td>
            <td class="num">
              {server.withheld > 0 ? <Said icon="lock" tone="error" word={exact(server.withheld)} /> : '0'}
            </td>
            <td class="mid">{server.transport}</td>
            <td class="wide">{eraWords(server)}</td>
            <td class="widest clip" title={server.target}>
              <code>{server.target}</code>
            </td>
            <td class="num mid">{server.last_seen_at ? <Ago at={server.last_seen_at} /> : 'never'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
