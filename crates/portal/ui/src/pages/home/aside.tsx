import type { AgentSummary, Ingest as IngestShape, Overview } from '../../api/shapes';
import { bytes, exact, plural, short } from '../../format/number';
import { agentPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Icon } from '../../ui/icon';
import { Name } from '../../ui/name';
import { Status } from '../../ui/status';

export function Agents({ agents }: { agents: AgentSummary[] }) {
  return (
    <section class="block">
      <h2>
        Agents <a href="/agents">All</a>
        <span class="spacer" />
        <span class="faint" title="Not only of the last 24 hours">
          all kept runs
        </span>
      </h2>
      <ul class="plain">
        {agents.map((agent) => (
          <li key={agent.agent}>
            <a href={agentPath(agent.agent)} title={agent.agent}>
              <Name text={agent.agent} />
            </a>
            <span class="faint">
              {plural(agent.runs, 'run')},{' '}
              {agent.errors > 0 ? <span class="bad-text">{exact(agent.errors)} failed</span> : 'none failed'}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Setup({ setup }: { setup: Overview['setup'] }) {
  const names = setup.providers.map((provider) => provider.name).join(', ');
  return (
    <section class="block">
      <h2>
        Setup <a href="/settings">Settings</a>
      </h2>
      <ul class="checks">
        <Check
          done={setup.providers.length > 0}
          yes={`Provider keys: ${names}`}
          no="No provider key: the gateway calls only models that need none"
        />
        <Check
          done={setup.keys > 0}
          yes={plural(setup.keys, 'agent key')}
          no="No agent key: agents elsewhere cannot sign in"
        />
      </ul>
    </section>
  );
}

function Check({ done, yes, no }: { done: boolean; yes: string; no: string }) {
  return (
    <li class={done ? 'done' : 'undone'}>
      <Icon name={done ? 'check' : 'alert'} />
      <span>{done ? yes : no}</span>
    </li>
  );
}

export function Ingest({ ingest }: { ingest: IngestShape }) {
  const lost = ingest.rejected + ingest.shed;
  return (
    <section class="block">
      <h2>Ingest</h2>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          {lost > 0 ? (
            <Status outcome="error" word={`${short(lost)} not kept`} />
          ) : (
            <Status outcome="ok" word="Nothing lost" />
          )}
        </dd>
        <dt>Spans</dt>
        <dd title={exact(ingest.spans_received)}>{short(ingest.spans_received)}</dd>
        <dt>Rejected</dt>
        <dd>{exact(ingest.rejected)}</dd>
        <dt title="Records the gateway could not hand on in time">Shed</dt>
        <dd>{exact(ingest.shed)}</dd>
        <dt>Last span</dt>
        <dd>{ingest.last_received_at ? <Ago at={ingest.last_received_at} /> : 'never'}</dd>
        <dt>Segments</dt>
        <dd>{exact(ingest.segments)}</dd>
        <dt>Write-ahead log</dt>
        <dd>{bytes(ingest.wal_bytes)}</dd>
      </dl>
    </section>
  );
}
