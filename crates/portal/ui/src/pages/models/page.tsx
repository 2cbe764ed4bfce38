import { useData } from '../../api/cache';
import type { List, ModelSummary } from '../../api/shapes';
import { shareWithExact } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, plural, short } from '../../format/number';
import { durationIfKnown } from '../../format/time';
import { totalTokens, usageSentence } from '../../format/words';
import { modelPath } from '../../router';
import { Ago } from '../../ui/ago';
import { FirstSteps } from '../../ui/first-steps';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { Failure, Waiting } from '../../ui/waiting';
import { perMillion } from './price';

export default function ModelsPage() {
  const resource = useData<List<ModelSummary>>('/models');
  const models = resource.data.value?.items;
  return (
    <>
      <PageHead title="Models">
        {models && <span class="count">{plural(models.length, 'model')}, discovered in traffic</span>}
      </PageHead>
      {models ? (
        models.length > 0 ? (
          <Table models={models} />
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

function Table({ models }: { models: ModelSummary[] }) {
  return (
    <table class="rows seen">
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" class="mid">
            Provider
          </th>
          <th scope="col" class="num">
            Calls
          </th>
          <th
            scope="col"
            class="num mid"
            title="Share of calls that failed, with its exact 95% interval (Clopper–Pearson)"
          >
            Failed
          </th>
          <th scope="col" class="num mid">
            Tokens
          </th>
          <th scope="col" class="num" title="Estimated from list prices">
            Cost (est.)
          </th>
          <th scope="col" class="num wide" title="US dollars per million tokens: input, output">
            Price in / out
          </th>
          <th scope="col" class="num wide">
            Median
          </th>
          <th scope="col" class="num mid" title="95% of the calls are faster">
            p95
          </th>
          <th scope="col" class="num mid">
            Last seen
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <tr key={`${model.provider ?? ''}/${model.model}`}>
            <td class="col-title">
              <a href={modelPath(model.model)} data-row title={model.model}>
                <Name text={model.model} />
              </a>
            </td>
            <td class="mid clip" title={model.provider ?? undefined}>
              {model.provider ? <Name text={model.provider} /> : '–'}
            </td>
            <td class="num">{exact(model.calls)}</td>
            <td class="num mid">{shareWithExact(model.errors, model.calls)}</td>
            <td class="num mid" title={usageSentence(model.usage)}>
              {short(totalTokens(model.usage))}
            </td>
            <td class="num" title={costReason(model)}>
              {cost(model)}
            </td>
            <td class="num wide" title={model.price ? `As of ${model.price.as_of}, ${model.price.source}` : undefined}>
              {model.price ? `${perMillion(model.price.input)} / ${perMillion(model.price.output)}` : 'unknown'}
            </td>
            <td class="num wide">{durationIfKnown(model.p50_duration_ns)}</td>
            <td class="num mid">{durationIfKnown(model.p95_duration_ns)}</td>
            <td class="num mid">
              <Ago at={model.last_seen_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
