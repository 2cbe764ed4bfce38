import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { CatalogPage } from '../../api/catalog';
import type { AgentSummary, List } from '../../api/shapes';
import { shareWithExact } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, plural, short } from '../../format/number';
import { durationIfKnown } from '../../format/time';
import { totalTokens, usageSentence } from '../../format/words';
import { agentPath, splitReference } from '../../router';
import { Ago } from '../../ui/ago';
import { FirstSteps } from '../../ui/first-steps';
import { Icon } from '../../ui/icon';
import { Name, Names } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Failure, Waiting } from '../../ui/waiting';

export default function AgentsPage() {
  const resource = useData<List<AgentSummary>>('/agents');
  const agents = resource.data.value?.items;
  return (
    <>
      <PageHead title="Agents">
        {agents && <span class="count">{plural(agents.length, 'agent')} seen in traffic</span>}
        <div class="actions">
          <a
            class="button small"
            href={withQuery('/catalog', { class: 'agent' })}
            title="Whose they are, declared ones too"
          >
            <Icon name="catalog" /> Agents in the catalog
          </a>
        </div>
      </PageHead>
      {agents ? (
        agents.length > 0 ? (
          <Table agents={agents} />
        ) : (
          <FirstSteps />
        )
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : (
        <Waiting />
      )}
    </>
  );
}

const UNOWNED = '/catalog/entities?class=agent&owner=none&limit=200';

function Table({ agents }: { agents: AgentSummary[] }) {
  const known = useData<CatalogPage>(UNOWNED).data.value?.items ?? [];
  const unowned = new Set(known.flatMap(({ ref, title }) => [splitReference(ref).name, title]));
  return (
    <table class="rows seen">
      <thead>
        <tr>
          <th scope="col">Agent</th>
          <th scope="col" class="widest">
            Models
          </th>
          <th scope="col" class="wide">
            Tools
          </th>
          <th scope="col" class="num">
            Runs
          </th>
          <th scope="col" class="num" title="Share of runs that failed, with its exact 95% interval (Clopper–Pearson)">
            Failed
          </th>
          <th scope="col" class="num mid">
            Tokens
          </th>
          <th scope="col" class="num mid" title="Estimated from list prices">
            Cost (est.)
          </th>
          <th scope="col" class="num wide">
            Median
          </th>
          <th scope="col" class="num mid" title="95% of the runs are faster">
            p95
          </th>
          <th scope="col" class="num mid">
            Last seen
          </th>
        </tr>
      </thead>
      <tbody>
        {agents.map((agent) => (
          <tr key={agent.agent}>
            <td class="col-title">
              <div class="title-line">
                <a href={agentPath(agent.agent)} data-row title={agent.agent}>
                  <Name text={agent.agent} />
                </a>
                {unowned.has(agent.agent) && (
                  <span class="chip mid" title="Nobody in the catalog owns it">
                    unowned
                  </span>
                )}
              </div>
            </td>
            <td class="widest clip" title={agent.models.join(', ')}>
              {agent.models.length > 0 ? <Names texts={agent.models} /> : '–'}
            </td>
            <td class="wide clip" title={agent.tools.join(', ')}>
              {agent.tools.length > 0 ? <Names texts={agent.tools} /> : '–'}
            </td>
            <td class="num">{exact(agent.runs)}</td>
            <td class="num">{shareWithExact(agent.errors, agent.runs)}</td>
            <td class="num mid" title={usageSentence(agent.usage)}>
              {short(totalTokens(agent.usage))}
            </td>
            <td class="num mid" title={costReason(agent)}>
              {cost(agent)}
            </td>
            <td class="num wide">{durationIfKnown(agent.p50_duration_ns)}</td>
            <td class="num mid">{durationIfKnown(agent.p95_duration_ns)}</td>
            <td class="num mid">
              <Ago at={agent.last_seen_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
