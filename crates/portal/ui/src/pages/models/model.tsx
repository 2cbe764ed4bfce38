import { useData } from '../../api/cache';
import type { List, ModelSummary } from '../../api/shapes';
import { shareWithExact } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, plural } from '../../format/number';
import { durationIfKnown } from '../../format/time';
import { shortUsage, usageSentence } from '../../format/words';
import { agentPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Fact } from '../../ui/fact';
import { InCatalog } from '../../ui/in-catalog';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { RecentRuns } from '../runs/recent';
import { perMillion } from './price';

export default function ModelPage({ id }: { id: string }) {
  const resource = useData<List<ModelSummary>>('/models');
  const model = resource.data.value?.items.find((known) => known.model === id);
  return (
    <>
      <PageHead title={id} up={{ href: '/models', name: 'Models' }}>
        <div class="actions">
          <InCatalog name={id} as="model" />
        </div>
      </PageHead>
      {model ? (
        <Facts model={model} />
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : resource.data.value ? (
        <Empty title="No traffic of this model" />
      ) : (
        <Waiting />
      )}
      <RecentRuns by={{ model: id }} />
    </>
  );
}

function Facts({ model }: { model: ModelSummary }) {
  return (
    <dl class="run-facts page">
      <Fact name="Provider">{model.provider ?? 'unknown'}</Fact>
      <Fact name="Calls">{exact(model.calls)}</Fact>
      <Fact name="Failed (exact 95% interval)">{shareWithExact(model.errors, model.calls)}</Fact>
      <Fact name="Duration">
        {durationIfKnown(model.p50_duration_ns)} median · {durationIfKnown(model.p95_duration_ns)} p95
      </Fact>
      <Fact name="Tokens" title={usageSentence(model.usage)}>
        {shortUsage(model.usage)}
      </Fact>
      <Fact name="Cost (est.)" title={costReason(model)}>
        {cost(model)}
      </Fact>
      <Fact name="Price per million tokens">
        <Price model={model} />
      </Fact>
      <Fact name="Last seen">
        <Ago at={model.last_seen_at} />
      </Fact>
      <Fact name={plural(model.agents.length, 'agent')}>
        {model.agents.map((agent, index) => (
          <span key={agent}>
            {index > 0 && ', '}
            <a class="clipped" href={agentPath(agent)} title={agent}>
              <Name text={agent} />
            </a>
          </span>
        ))}
      </Fact>
    </dl>
  );
}

/** A price is only as good as its date and source. */
function Price({ model: { price } }: { model: ModelSummary }) {
  if (!price)
    return (
      <>
        unknown; set one in <code>mizzen.toml</code>, as <code>[[price]]</code>
      </>
    );
  return (
    <>
      {perMillion(price.input)} in · {perMillion(price.output)} out{' '}
      <span class="faint">
        as of {price.as_of},{' '}
        {price.source.startsWith('https://') ? (
          <a href={price.source} target="_blank" rel="noreferrer">
            {new URL(price.source).hostname}
          </a>
        ) : (
          price.source
        )}
      </span>
    </>
  );
}
