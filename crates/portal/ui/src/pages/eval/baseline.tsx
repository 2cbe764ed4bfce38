import { refresh, useData } from '../../api/cache';
import { send, withQuery } from '../../api/client';
import type { BaselineComparison, BaselineView, ComparedAspect, ExperimentSummary, Page } from '../../api/eval';
import { differenceText, estimateSentence, estimateText } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { navigate, query, setQuery } from '../../location';
import { experimentPath } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Confirm } from '../../ui/confirm';
import { Fact } from '../../ui/fact';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { Empty } from '../../ui/waiting';
import { AnswerStatus } from './status';
import { MARGINS } from './words';

const DEFAULT_MARGIN = '0.02';

export default function BaselinePage({ id }: { id: string }) {
  const resource = useData<Page<BaselineView>>('/baselines');
  const path = `/baselines/${encodeURIComponent(id)}`;
  const { problem, act } = useAct();
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      refresh((read) => read === '/baselines');
      navigate('/evaluations/baselines');
    });
  return (
    <>
      <PageHead title={id} up={{ href: '/evaluations/baselines', name: 'Baselines' }}>
        <div class="actions">
          {problem && <span class="bad-text">{problem}</span>}
          <Confirm least="developer" word="Delete" question={`Delete ${id}?`} act={remove} />
        </div>
      </PageHead>
      <Loaded resource={resource}>
        {({ items }) => {
          const baseline = items.find(({ name }) => name === id);
          return baseline ? (
            <>
              <Facts baseline={baseline} />
              <Compare baseline={baseline} path={path} />
            </>
          ) : (
            <Empty title="There is no such baseline" />
          );
        }}
      </Loaded>
    </>
  );
}

function Facts({ baseline }: { baseline: BaselineView }) {
  return (
    <dl class="run-facts page">
      <Fact name="Metric">{baseline.metric}</Fact>
      <Fact name="Success" {...(baseline.success ? { title: estimateSentence(baseline.success, 'share') } : {})}>
        {estimateText(baseline.success, 'share')}
      </Fact>
      <Fact name="Safety events per 1,000">{estimateText(baseline.safety, 'per_1000')}</Fact>
      <Fact name="Cost a case">{estimateText(baseline.cost, 'usd')}</Fact>
      <Fact name="Time a case">{estimateText(baseline.duration, 'seconds')}</Fact>
      <Fact name="Observed">
        {plural(baseline.n, 'case')}
        {baseline.cases > 0 && <span class="faint"> ({exact(baseline.cases)} labelled one by one)</span>}
      </Fact>
      <Fact name="Recorded">
        <Ago at={baseline.recorded_at} /> {baseline.recorded_by && `by ${baseline.recorded_by}`}
      </Fact>
    </dl>
  );
}

function Compare({ baseline, path }: { baseline: BaselineView; path: string }) {
  const experiments = useData<Page<ExperimentSummary>>('/experiments?limit=100').data.value?.items ?? [];
  const finished = experiments.filter(({ state }) => state === 'finished');
  const id = query.value.get('experiment') ?? '';
  const experiment = finished.find((one) => one.id === id);
  const evaluators = experiment?.aggregates.map(({ evaluator }) => evaluator.name) ?? [];
  const evaluator =
    query.value.get('evaluator') ?? evaluators.find((name) => name === baseline.metric) ?? evaluators[0] ?? '';
  const margin = query.value.get('margin') ?? DEFAULT_MARGIN;
  return (
    <section class="block">
      <h2>Compared with an agent</h2>
      <div class="filters bare" role="search" aria-label="What to compare with">
        <Pick
          name="experiment"
          label="Choose an experiment"
          value={id}
          options={finished.map((one) => [one.id, one.name])}
        />
        {id && (
          <Pick name="evaluator" label="Evaluator" value={evaluator} options={evaluators.map((name) => [name, name])} />
        )}
        {id && (
          <Pick
            name="margin"
            label="Margin"
            value={margin}
            options={MARGINS.map((one) => [one, `Margin ${Number(one) * 100} points`])}
          />
        )}
        {id && <a href={experimentPath(id)}>The experiment</a>}
      </div>
      {id ? (
        evaluator && <Result path={withQuery(`${path}/comparison`, { experiment: id, evaluator, margin })} />
      ) : (
        <p class="calm">
          {finished.length > 0
            ? 'Which experiment shall stand beside it?'
            : 'There is no finished experiment to compare with yet.'}
        </p>
      )}
    </section>
  );
}

function Pick({
  name,
  label,
  value,
  options,
}: {
  name: string;
  label: string;
  value: string;
  options: [string, string][];
}) {
  const known = options.some(([id]) => id === value);
  return (
    <select
      class={value ? 'pick chosen' : 'pick'}
      aria-label={label}
      value={value}
      onChange={(event) =>
        setQuery(
          {
            [name]: event.currentTarget.value || null,
            // Another experiment may have other evaluators.
            ...(name === 'experiment' ? { evaluator: null } : {}),
          },
          true,
        )
      }
    >
      {!known && <option value={value}>{value || label}</option>}
      {options.map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
}

const ASPECTS: Record<ComparedAspect['aspect'], [string, string]> = {
  safety: ['Safety events per 1,000 cases', 'per_1000'],
  success: ['Success', 'share'],
  cost: ['Cost a case', 'usd'],
  time: ['Time a case', 'seconds'],
};

function Result({ path }: { path: string }) {
  const resource = useData<BaselineComparison>(path);
  return (
    <Loaded resource={resource} rows={4}>
      {({ rows }) => (
        <>
          {rows.map((row) => (
            <Aspect key={row.aspect} row={row} />
          ))}
        </>
      )}
    </Loaded>
  );
}

function Aspect({ row }: { row: ComparedAspect }) {
  const [name, unit] = ASPECTS[row.aspect] ?? [row.aspect, 'score'];
  return (
    <section class="block metric">
      <h3>
        <AnswerStatus answer={row.answer} />
        <span>{name}</span>
      </h3>
      <p class="metric-sentence">{row.sentence}</p>
      <dl class="run-facts">
        <Fact name="Human">{estimateText(row.human, unit)}</Fact>
        <Fact name="Agent">{estimateText(row.agent, unit)}</Fact>
        {row.difference && <Fact name="Difference">{differenceText(row.difference, unit)}</Fact>}
        {row.ratio && (
          <Fact name="Agent over human" title="1 would be the same">
            × {estimateText(row.ratio, 'times')}
          </Fact>
        )}
      </dl>
    </section>
  );
}
