import { useData } from '../../api/cache';
import type { BaselineView, Page } from '../../api/eval';
import { domainOf, estimateText } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { query } from '../../location';
import { baselinePath } from '../../router';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { EstimateView } from '../../ui/estimate';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { EvalHead } from './head';
import { NewBaseline } from './new-baseline';

export default function BaselinesPage() {
  if (query.value.has('new')) return <NewBaseline />;
  return <List />;
}

function List() {
  const resource = useData<Page<BaselineView>>('/baselines');
  return (
    <>
      <EvalHead title="Baselines">
        <span class="count wide-word">the human process that an agent replaces</span>
        <div class="actions">
          <ForRole least="developer">
            <a class="button small primary" href="/evaluations/baselines?new=1">
              <Icon name="plus" /> Record
            </a>
          </ForRole>
        </div>
      </EvalHead>
      <Loaded resource={resource}>
        {({ items }) => (items.length > 0 ? <Table baselines={items} /> : <NoBaselines />)}
      </Loaded>
    </>
  );
}

function NoBaselines() {
  return (
    <Empty title="No baseline yet">
      <p>
        Record how the work goes without the agent: how often it succeeds, what goes wrong, what it costs and how long
        it takes. Then an experiment can say whether the agent is safer, better, cheaper and faster than that, and how
        sure this is.
      </p>
      <div class="empty-steps">
        <Command text="mizzen baseline record support-desk --n 1000 --successes 941" />
        <p>
          or <a href="/evaluations/baselines?new=1">record one here</a>.
        </p>
      </div>
    </Empty>
  );
}

function Table({ baselines }: { baselines: BaselineView[] }) {
  return (
    <table class="rows evals">
      <thead>
        <tr>
          <th scope="col">Baseline</th>
          <th scope="col" class="mid">
            Metric
          </th>
          <th scope="col" class="col-estimate">
            Success
          </th>
          <th scope="col" class="wide" title="Safety events in 1,000 cases">
            Safety per 1,000
          </th>
          <th scope="col" class="num wide">
            Cost a case
          </th>
          <th scope="col" class="num wide">
            Time a case
          </th>
          <th scope="col" class="num mid">
            Observed
          </th>
          <th scope="col" class="num mid">
            Recorded
          </th>
        </tr>
      </thead>
      <tbody>
        {baselines.map((baseline) => (
          <tr key={baseline.name}>
            <td class="col-title clip">
              <a href={baselinePath(baseline.name)} data-row>
                {baseline.name}
              </a>
            </td>
            <td class="mid">{baseline.metric}</td>
            <td class="col-estimate">
              <EstimateView estimate={baseline.success} unit="share" domain={domainOf([baseline.success], 'share')} />
            </td>
            <td class="wide">{estimateText(baseline.safety, 'per_1000')}</td>
            <td class="num wide">{estimateText(baseline.cost, 'usd')}</td>
            <td class="num wide">{estimateText(baseline.duration, 'seconds')}</td>
            <td class="num mid" title={baseline.cases > 0 ? plural(baseline.cases, 'labelled case') : 'counts only'}>
              {exact(baseline.n)}
            </td>
            <td class="num mid">
              <Ago at={baseline.recorded_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
