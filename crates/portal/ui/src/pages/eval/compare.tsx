import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { Comparison, ExperimentSummary, Metric, Page } from '../../api/eval';
import { differenceDomain, differenceText, estimateText, valueText } from '../../format/estimate';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';
import { query, setQuery } from '../../location';
import { experimentPath } from '../../router';
import { Command } from '../../ui/copy';
import { EstimateView } from '../../ui/estimate';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { Changed } from './changed';
import { EvalHead } from './head';
import { AnswerStatus } from './status';
import { comparedSentence, comparedUnit, experimentLabel, MARGINS } from './words';

const ALPHAS = ['0.01', '0.05', '0.1'];
const DEFAULT_ALPHA = '0.05';

export default function ComparePage() {
  const read = (name: string): string => query.value.get(name) ?? '';
  const [a, b, margin, alpha] = [read('a'), read('b'), read('margin'), read('alpha') || DEFAULT_ALPHA];
  const experiments = useData<Page<ExperimentSummary>>('/experiments?limit=100');
  const finished = experiments.data.value?.items.filter(({ state }) => state === 'finished') ?? [];
  const isKnown = experiments.data.value !== undefined;
  return (
    <>
      <EvalHead title="Compare">
        <span class="count">is B better than A?</span>
      </EvalHead>
      {isKnown && finished.length < 2 && !(a && b) ? (
        <Empty title="Two finished experiments are needed">
          <p>
            Evaluate two versions with the same set, then compare them case by case. So far there{' '}
            {finished.length === 1 ? 'is one' : 'is none'}.
          </p>
          <div class="empty-steps">
            <Command text="mizzen eval compare A B" />
            <p>
              or <a href="/evaluations?new=1">start an experiment</a>.
            </p>
          </div>
        </Empty>
      ) : (
        <>
          <Choose finished={finished} a={a} b={b} margin={margin} alpha={alpha} />
          {a && b ? (
            <Result path={withQuery('/experiments/compare', { a, b, alpha, margin })} key={`${a}:${b}`} />
          ) : (
            <Empty title="Choose two experiments">
              <p>A is what you have, B is what you want to know about.</p>
            </Empty>
          )}
        </>
      )}
    </>
  );
}

function Choose({
  finished,
  a,
  b,
  margin,
  alpha,
}: {
  finished: ExperimentSummary[];
  a: string;
  b: string;
  margin: string;
  alpha: string;
}) {
  const experiments = finished.map((one): [string, string] => [one.id, experimentLabel(one)]);
  return (
    <div class="filters compare-filters" role="search" aria-label="What to compare">
      <Pick name="a" label="A (before)" value={a} options={experiments} />
      <button
        type="button"
        class="icon-button"
        aria-label="Swap A and B"
        title="Swap A and B"
        disabled={!a && !b}
        onClick={() => setQuery({ a: b || null, b: a || null }, true)}
      >
        <Icon name="swap" />
      </button>
      <Pick name="b" label="B (after)" value={b} options={experiments} />
      <Pick
        name="margin"
        label="No margin"
        value={margin}
        options={MARGINS.map((one) => [one, `Margin ${valueText(Number(one), 'share')}`])}
        title="How much worse B may be and still count as no worse"
      />
      <Pick
        name="alpha"
        label={`Error rate ${Number(DEFAULT_ALPHA) * 100}%`}
        value={alpha === DEFAULT_ALPHA ? '' : alpha}
        options={ALPHAS.filter((one) => one !== DEFAULT_ALPHA).map((one) => [one, `Error rate ${Number(one) * 100}%`])}
        title="How often an answer of better or worse may be wrong"
      />
    </div>
  );
}

function Pick({
  name,
  label,
  value,
  options,
  title,
}: {
  name: string;
  label: string;
  value: string;
  options: [string, string][];
  title?: string;
}) {
  const known = value === '' || options.some(([id]) => id === value);
  return (
    <select
      class={value ? 'pick chosen' : 'pick'}
      aria-label={label}
      title={title}
      value={value}
      onChange={(event) => setQuery({ [name]: event.currentTarget.value || null, case: null, metric: null }, true)}
    >
      <option value="">{label}</option>
      {!known && <option value={value}>{value}</option>}
      {options.map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
}

function Result({ path }: { path: string }) {
  const resource = useData<Comparison>(path);
  return (
    <Loaded resource={resource} rows={8}>
      {(comparison) => (
        <>
          <Sides comparison={comparison} />
          {comparison.metrics.length === 0 ? (
            <Empty title="Nothing to compare">
              <p>The two experiments have no evaluator in common.</p>
            </Empty>
          ) : (
            comparison.metrics.map((metric) => (
              <MetricBlock key={metric.evaluator.digest} metric={metric} comparison={comparison} />
            ))
          )}
          {comparison.metrics.length > 0 && <Changed comparison={comparison} />}
        </>
      )}
    </Loaded>
  );
}

function Sides({ comparison: { a, b } }: { comparison: Comparison }) {
  const side = (letter: string, { id, name, agents, set, runs, created_at: made }: ExperimentSummary) => (
    <div class="side">
      <span class="side-letter">{letter}</span>
      <a href={experimentPath(id)}>{name}</a>
      <span class="faint">
        {[agents.join(', '), set && `${set.name} v${set.version}`, plural(runs, 'run'), instant(made)]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </div>
  );
  return (
    <div class="sides">
      {side('A', a)}
      {side('B', b)}
    </div>
  );
}

function MetricBlock({ metric, comparison }: { metric: Metric; comparison: Comparison }) {
  const { margin, alpha } = comparison;
  const unit = comparedUnit(metric);
  const domain = differenceDomain([metric.difference], margin);
  // The margin lies on the side where B would be worse.
  const marks = margin === null ? [] : [metric.lower_is_better ? margin : -margin];
  return (
    <section class="block metric">
      <h2>
        <AnswerStatus answer={metric.answer} />
        <span>{metric.evaluator.name}</span>
        {metric.lower_is_better && <span class="chip">less is better</span>}
      </h2>
      <p class="metric-sentence">{comparedSentence(metric, margin)}</p>
      <dl class="run-facts">
        <div>
          <dt>B − A</dt>
          <dd>
            <EstimateView estimate={metric.difference} unit={unit} domain={domain} marks={marks}>
              {differenceText(metric.difference, unit)}
            </EstimateView>
          </dd>
        </div>
        <div>
          <dt>A</dt>
          <dd>{estimateText(metric.a, unit)}</dd>
        </div>
        <div>
          <dt>B</dt>
          <dd>{estimateText(metric.b, unit)}</dd>
        </div>
        <div title="Probability of a difference at least this large if there were none; adjusted for the number of metrics compared">
          <dt>p, adjusted</dt>
          <dd>
            {pText(metric.p_adjusted ?? metric.p_value)}{' '}
            <span class="faint">{metric.test ? metric.test.replaceAll('_', ' ') : ''}</span>
          </dd>
        </div>
        <div>
          <dt>Cases</dt>
          <dd>
            <Said icon="up" tone="ok" word={`${exact(metric.improved)} better`} />{' '}
            <Said icon="down" tone={metric.regressed > 0 ? 'error' : ''} word={`${exact(metric.regressed)} worse`} />{' '}
            <span class="faint" title="Only cases in both are compared">
              {exact(metric.unchanged)} the same
              {metric.only_a + metric.only_b > 0 && `, ${exact(metric.only_a + metric.only_b)} in only one`}
            </span>
          </dd>
        </div>
      </dl>
      {metric.answer === 'not_yet_known' && metric.further_cases !== null && (
        <p class="calm">
          <Icon name="help" /> About {plural(metric.further_cases, 'further case')} would be needed to know, at an error
          rate of {Number((100 * alpha).toPrecision(3))}%.
        </p>
      )}
    </section>
  );
}

function pText(p: number | null): string {
  if (p === null) return '–';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}
