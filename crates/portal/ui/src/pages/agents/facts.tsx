import type { AgentSummary } from '../../api/shapes';
import { shareWithExact } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, plural } from '../../format/number';
import { durationIfKnown } from '../../format/time';
import { shortUsage, usageSentence } from '../../format/words';
import { modelPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Fact } from '../../ui/fact';
import { Name, Names } from '../../ui/name';

/** What traffic says of an agent, over all runs that are kept. */
export function TrafficFacts({ agent }: { agent: AgentSummary }) {
  return (
    <dl class="run-facts page">
      <Fact name="Runs">{exact(agent.runs)}</Fact>
      <Fact name="Failed (exact 95% interval)">{shareWithExact(agent.errors, agent.runs)}</Fact>
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
            <a class="clipped" href={modelPath(model)} title={model}>
              <Name text={model} />
            </a>
          </span>
        ))}
      </Fact>
      <Fact name={plural(agent.tools.length, 'tool')}>
        {agent.tools.length > 0 ? <Names texts={agent.tools} /> : '–'}
      </Fact>
    </dl>
  );
}
