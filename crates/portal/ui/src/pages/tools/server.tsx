import { refresh, useData } from '../../api/cache';
import { send } from '../../api/client';
import { may } from '../../api/session';
import type { ToolDefinition, ToolServer, ToolServerDetail } from '../../api/tools';
import { exact, plural } from '../../format/number';
import { navigate, query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Command } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { useFollow } from '../../ui/follow';
import { Icon } from '../../ui/icon';
import { InCatalog } from '../../ui/in-catalog';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Touched } from '../../ui/permission';
import { RoleButton } from '../../ui/role';
import { Empty } from '../../ui/waiting';
import { Definition } from './definition';
import { ServerStatus, ToolStatus } from './status';
import { byConcern, eraWords, findingWord, reasonWord } from './words';
import { Ticked } from '../../ui/ticked';

/** A server connects, fails and changes what it offers while one looks. */
const FOLLOW_MS = 4_000;

export default function ToolServerPage({ id }: { id: string }) {
  const path = `/tool-servers/${encodeURIComponent(id)}`;
  const resource = useData<ToolServerDetail>(path);
  const server = resource.data.value?.server;
  useFollow(resource.reload, FOLLOW_MS);
  return (
    <>
      <PageHead title={id} up={{ href: '/tools', name: 'Tool servers' }}>
        {server && <ServerStatus server={server} />}
        <InCatalog name={id} as="tool_server" />
        {server && <Actions server={server} path={path} reload={resource.reload} />}
      </PageHead>
      <Loaded resource={resource} rows={8}>
        {({ server: shown, definitions, stderr }) => (
          <>
            {shown.fault && (
              <p class="run-error">
                <Icon name="failed" />{' '}
                <span>
                  <Ticked text={shown.fault} />
                </span>
              </p>
            )}
            {shown.downgraded && (
              <p class="run-error">
                <Icon name="alert" /> <Ticked text={shown.downgraded} />
              </p>
            )}
            <Facts server={shown} />
            <ServerTools name={shown.name} definitions={definitions} path={path} reload={resource.reload} />
            {stderr.length > 0 && (
              <details class="section">
                <summary>What it last wrote to its error output</summary>
                <pre class="compiled" tabIndex={0} role="region" aria-label="Error output">
                  {stderr.join('\n')}
                </pre>
              </details>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Actions({ server, path, reload }: { server: ToolServer; path: string; reload: () => Promise<void> }) {
  const { problem, busy, act } = useAct();
  const ask = (): void =>
    void act(async () => {
      await send('POST', `${path}/refresh`);
      await reload();
    });
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      refresh((read) => read === '/tool-servers');
      navigate('/tools');
    });
  return (
    <div class="actions">
      {problem && <span class="bad-text">{problem}</span>}
      {may('developer') && (
        <button type="button" class="button small" disabled={busy} onClick={ask}>
          Ask it again now
        </button>
      )}
      {server.source === 'stored' && (
        <Confirm least="administrator" word="Remove" question={`Remove ${server.name}?`} act={remove} />
      )}
    </div>
  );
}

function Facts({ server }: { server: ToolServer }) {
  return (
    <dl class="run-facts page">
      <Fact name="Reached by" title={server.target}>
        {server.transport} <code class="clipped">{server.target}</code>
      </Fact>
      <Fact name="Era" title="Which generation of the protocol the server speaks; Mizzen translates">
        {eraWords(server)}
      </Fact>
      <Fact name="Calls itself">
        {server.server_name ?? '–'} {server.server_version && <span class="faint">{server.server_version}</span>}
      </Fact>
      <Fact name="Tools">
        {exact(server.tools)}
        {server.withheld > 0 && <span class="bad-text"> · {exact(server.withheld)} withheld</span>}
      </Fact>
      <Fact name="Open">
        {server.transport === 'stdio' ? `${plural(server.processes, 'process', 'processes')}, ` : ''}
        {plural(server.sessions, 'session')}
      </Fact>
      <Fact name="Last seen">{server.last_seen_at ? <Ago at={server.last_seen_at} /> : 'never'}</Fact>
      <Fact name="Added">
        <Ticked text={server.source === 'file' ? 'in `mizzen.toml`' : 'in the portal or by `mizzen tools`'} />
      </Fact>
    </dl>
  );
}

export function ServerTools({
  name,
  definitions,
  path,
  reload,
}: {
  name: string;
  definitions: ToolDefinition[];
  path: string;
  reload: () => Promise<void>;
}) {
  const chosen = query.value.get('tool');
  if (definitions.length === 0) {
    return (
      <Empty title="It offers no tools yet">
        <p>Tools appear when the server was reached once.</p>
        <div class="empty-steps">
          <Command text={`mizzen tools show ${name}`} />
        </div>
      </Empty>
    );
  }
  return (
    <table class="rows tools" aria-label="Tools">
      <thead>
        <tr>
          <th scope="col" class="col-mode">
            State
          </th>
          <th scope="col">Tool</th>
          <th scope="col" class="mid">
            Why
          </th>
          <th scope="col" class="wide" title="What its server or its annotations say; a boundary may say more">
            Touches
          </th>
          <th scope="col" class="num wide">
            Approved
          </th>
          <th scope="col" class="num">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {byConcern(definitions).map((definition) => (
          <Row
            key={definition.tool}
            definition={definition}
            isOpen={chosen === definition.tool}
            path={path}
            reload={reload}
          />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  definition,
  isOpen,
  path,
  reload,
}: {
  definition: ToolDefinition;
  isOpen: boolean;
  path: string;
  reload: () => Promise<void>;
}) {
  const toggle = (): void => setQuery({ tool: isOpen ? null : definition.tool });
  return (
    <>
      <tr class={isOpen ? 'chosen' : ''}>
        <td class="col-mode">
          <ToolStatus definition={definition} />
        </td>
        <td class="clip">
          <button type="button" class="row-button" data-row aria-expanded={isOpen} onClick={toggle}>
            <Name text={definition.tool} />
          </button>
          {definition.read_only && <span class="chip">reads only</span>}
        </td>
        <td class="mid col-why" title={definition.withheld?.detail ?? ''}>
          <Why definition={definition} />
        </td>
        <td class="wide">
          <Touched taint={definition.touches} none="not said" />
        </td>
        <td class="num wide">
          {definition.pin ? (
            <span title={`by ${definition.pin.approved_by}`}>
              <Ago at={definition.pin.approved_at} />
            </span>
          ) : (
            'never'
          )}
        </td>
        <td class="num">
          <PinButton definition={definition} path={path} reload={reload} isOpen={isOpen} open={toggle} />
        </td>
      </tr>
      {isOpen && (
        <tr class="open-row">
          <td colSpan={6} class="side-cell">
            <Definition definition={definition} />
          </td>
        </tr>
      )}
    </>
  );
}

function Why({ definition: { withheld, findings } }: { definition: ToolDefinition }) {
  const found = findings.map(({ kind }) => findingWord[kind]);
  if (withheld) {
    return (
      <>
        <b>{reasonWord[withheld.reason]}</b> {[...found, withheld.detail].join(' · ')}
      </>
    );
  }
  return <>{found.join(', ')}</>;
}

/** What is pinned is the digest on screen: another one that comes meanwhile is refused by the server. */
function PinButton({
  definition,
  path,
  reload,
  isOpen,
  open,
}: {
  definition: ToolDefinition;
  path: string;
  reload: () => Promise<void>;
  isOpen: boolean;
  open: () => void;
}) {
  const { problem, busy, act } = useAct();
  const pin = `${path}/tools/${encodeURIComponent(definition.tool)}/pin`;
  const approve = (): void =>
    void act(async () => {
      await send('POST', pin, { digest: definition.digest });
      await reload();
    });
  const withdraw = (): void =>
    void act(async () => {
      await send('DELETE', pin);
      await reload();
    });
  return (
    <span class="asking">
      {problem && <span class="bad-text">{problem}</span>}
      {definition.state === 'withheld' && !isOpen && (
        <button type="button" class="button small" onClick={open}>
          {definition.pin ? 'Compare' : 'Look at it'}
        </button>
      )}
      {definition.state === 'withheld' && isOpen && (
        <RoleButton least="approver" class="button small primary" disabled={busy} onClick={approve}>
          <Icon name="check" /> Pin this
        </RoleButton>
      )}
      {definition.state === 'pinned' && (
        <Confirm
          least="approver"
          word="Withhold"
          question={`Withhold ${definition.tool} until it is approved again?`}
          act={withdraw}
        />
      )}
    </span>
  );
}
