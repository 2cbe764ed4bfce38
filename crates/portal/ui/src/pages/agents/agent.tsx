import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { AgentSummary, List, RunPage } from '../../api/shapes';
import { shareWithInterval } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, plural } from '../../format/number';
import { durationIfKnown } from '../../format/time';
import { shortUsage, usageSentence } from '../../format/words';
import { modelPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Fact } from '../../ui/fact';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { InCatalog } from '../../ui/in-catalog';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { RecentRuns } from '../runs/recent';
import { Evidence } from './evidence';

const RUNS_SHOWN = 25;

export default function AgentPage({ id }: { id: string }) {
  const resource = useData<List<AgentSummary>>('/agents');
  const runs = useData<RunPage>(withQuery('/runs', { agent: id, limit: RUNS_SHOWN }));
  const agent = resource.data.value?.items.find((known) => known.agent === id);
  return (
    <>
      <PageHead title={id} up={{ href: '/agents', name: 'Agents' }}>
        <div class="actions">
          <InCatalog name={id} as="agent" />
          <a class="button small" href={withQuery('/decisions', { agent: id })}>
            Decisions
          </a>
          <ForRole least="approver">
            <a class="button small" href={withQuery('/budgets', { pause: 1, agent: id })}>
              <Icon name="pause" /> Pause or stop …
            </a>
          </ForRole>
        </div>
      </PageHead>
      {agent ? (
        <Facts agent={agent} />
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : resource.data.value ? (
        <Empty title="No traffic of this agent" />
      ) : (
        <Waiting />
      )}
      <Evidence agent={id} />
      <RecentRuns
        runs={runs}
        all={withQuery('/runs', { agent: id })}
        failed={withQuery('/runs', { agent: id, outcome: 'error' })}
      />
    </>
  );
}

function Facts({ agent }: { agent: AgentSummary }) {
  return (
    <dl class="run-facts page">
      <Fact name="Runs">{exact(agent.runs)}</Fact>
      <Fact name="Failed (95% interval)">{shareWithInterval(agent.errors, agent.runs)}</Fact>
      <Fact name="Duration">
        {durationIfKnown(agent.p50_duration_ns)} median · {durationIfKnown(agent.p95_duration_ns)} p95
      </Fact>
      <Fact name="Tokens" title={usageSentence(agent.usage)}>
        {shortUsage(agent.usage)}
      </Fact>
      <Fact name="Cost (est.)" title={costReason(agent)}>
        {cost(agent)}
      </Fact>
      <Fact name="Last seen">
        <Ago at={agent.last_seen_at} />
      </Fact>
      <Fact name={plural(agent.models.length, 'model')}>
        {agent.models.map((model, index) => (
          <span key={model}>
            {index > 0 && ', '}
            <a href={modelPath(model)}>{model}</a>
          </span>
        ))}
      </Fact>
      <Fact name={plural(agent.tools.length, 'tool')}>{agent.tools.join(', ') || '–'}</Fact>
    </dl>
  );
}
