import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { AgentPart, EntityDetail, Summary, Granted } from '../../api/catalog';
import type { ToolServerDetail } from '../../api/tools';
import { exact } from '../../format/number';
import { boundaryPath, modelPath, toolServerPath } from '../../router';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { ModeStatus } from '../../ui/permission';
import { Empty, Waiting } from '../../ui/waiting';
import { ServerTools } from '../tools/server';
import { trafficName } from './tabs';

/** Of an agent what it may use and what it used; of a tool server what it offers. */
export function PermissionsTab({ detail, summary }: { detail: EntityDetail; summary: Summary | undefined }) {
  if (detail.class === 'tool_server') return <Offered name={trafficName(detail)} />;
  if (!summary) return <Waiting rows={6} />;
  if (!summary.agent) return <Empty title="Nothing is known of what it may use" />;
  return <Granted agent={summary.agent} name={trafficName(detail)} />;
}

function Granted({ agent, name }: { agent: AgentPart; name: string }) {
  return (
    <>
      <p class="remark">
        {agent.boundary ? (
          <>
            <ModeStatus mode={agent.boundary.mode === 'enforce' ? 'enforce' : 'observe'} />
            <span>
              What it may use is in the boundary <a href={boundaryPath(agent.boundary.name)}>{agent.boundary.name}</a>.
            </span>
          </>
        ) : (
          <>
            <Icon name="alert" /> No boundary names this agent.{' '}
            <a href="/boundaries?new=1">Make one from what it used</a>
          </>
        )}
        <span class="spacer" />
        <a href={withQuery('/decisions', { agent: name, effect: 'deny', since: '30d' })}>
          {exact(agent.denied)} denied in 30 days
        </a>
        <a href={withQuery('/decisions', { agent: name, effect: 'needs_approval', since: '30d' })}>
          {exact(agent.held)} held for a human
        </a>
      </p>
      <Uses title="Tools" items={agent.tools} link={(tool) => toolServerPath(tool.split('/')[0] ?? tool)} />
      <Uses title="Models" items={agent.models} link={modelPath} />
    </>
  );
}

function Uses({ title, items, link }: { title: string; items: Granted[]; link: (name: string) => string }) {
  return (
    <section class="block inset">
      <h2>{title}</h2>
      {items.length === 0 ? (
        <p class="calm">None granted, none used.</p>
      ) : (
        <table class="rows even" aria-label={title}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Granted</th>
              <th scope="col">Used in 30 days</th>
              <th scope="col" class="mid">
                What it means
              </th>
            </tr>
          </thead>
          <tbody>
            {[...items].sort(byConcern).map((item) => (
              <tr key={item.name}>
                <td class="col-title">
                  <a href={link(item.name)} data-row title={item.name}>
                    <Name text={item.name} />
                  </a>
                </td>
                <td>
                  <YesNo value={item.granted} unknown="no boundary" />
                </td>
                <td>
                  <YesNo value={item.used} unknown="" />
                </td>
                <td class="mid">{meaning(item)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function YesNo({ value, unknown }: { value: boolean | null; unknown: string }) {
  if (value === null) return <span class="faint">{unknown}</span>;
  return <Said icon={value ? 'check' : 'minus'} word={value ? 'yes' : 'no'} />;
}

/** What nobody granted first, then what nobody uses. */
function byConcern(a: Granted, b: Granted): number {
  const rank = ({ granted, used }: Granted): number => (granted === false && used ? 0 : granted && !used ? 1 : 2);
  return rank(a) - rank(b) || a.name.localeCompare(b.name);
}

function meaning({ granted, used }: Granted) {
  if (granted === false && used) {
    return <Said icon="alert" tone="error" word="Used without being granted" />;
  }
  if (granted && !used) {
    return <Said icon="clock" tone="asks" word="Granted and never used: take it away" />;
  }
  return <span class="faint">{granted ? 'needed' : '–'}</span>;
}

/** Tools of a server with the digests of their definitions; the same table as on the page of its connection. */
function Offered({ name }: { name: string }) {
  const path = `/tool-servers/${encodeURIComponent(name)}`;
  const resource = useData<ToolServerDetail>(path);
  if (resource.error.value?.status === 404) {
    return (
      <Empty title="Mizzen has no connection to this server">
        <p>
          Its tools are known, with the digests of their definitions, once it stands behind the tool gateway.{' '}
          <a href="/tools?new=1">Add it</a>.
        </p>
      </Empty>
    );
  }
  return (
    <Loaded resource={resource} rows={6}>
      {({ definitions }) => <ServerTools name={name} definitions={definitions} path={path} reload={resource.reload} />}
    </Loaded>
  );
}
