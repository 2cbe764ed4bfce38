import type { ChangedCase, Comparison } from '../../api/eval';
import { valueText } from '../../format/estimate';
import { exact } from '../../format/number';
import { query, setQuery } from '../../location';
import { runPath } from '../../router';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { RunStory } from './run-story';
import { comparedUnit } from './words';

/** The cases that changed, most first; the chosen one with both its runs side by side. */
export function Changed({ comparison }: { comparison: Comparison }) {
  const { changed, changed_total: total } = comparison;
  const chosen = changed.find(
    (one) => one.case === query.value.get('case') && one.evaluator === query.value.get('metric'),
  );
  return (
    <section class="block cases">
      <h2>
        Cases that changed
        <span class="faint">
          {total > changed.length ? `the first ${exact(changed.length)} of ${exact(total)}` : exact(total)}
        </span>
      </h2>
      {comparison.metrics.every(({ cases_shared: shared }) => shared === 0) ? (
        <p class="calm">No case was compared.</p>
      ) : changed.length === 0 ? (
        <p class="calm">
          <Icon name="passed" /> Every shared case scored the same in both.
        </p>
      ) : (
        <table class="rows evals" aria-label="Cases that changed">
          <thead>
            <tr>
              <th scope="col">Change</th>
              <th scope="col">Case</th>
              <th scope="col" class="mid">
                Evaluator
              </th>
              <th scope="col" class="num">
                A
              </th>
              <th scope="col" class="num">
                B
              </th>
              <th scope="col" class="num mid">
                Trials
              </th>
            </tr>
          </thead>
          <tbody>
            {changed.map((one) => (
              <Row key={`${one.case}:${one.evaluator}`} one={one} comparison={comparison} isChosen={one === chosen} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ one, comparison, isChosen }: { one: ChangedCase; comparison: Comparison; isChosen: boolean }) {
  const metric = comparison.metrics.find(({ evaluator }) => evaluator.name === one.evaluator);
  const unit = metric ? comparedUnit(metric) : null;
  const isBetter = metric?.lower_is_better ? one.b < one.a : one.b > one.a;
  const toggle = (): void =>
    setQuery(isChosen ? { case: null, metric: null } : { case: one.case, metric: one.evaluator }, true);
  return (
    <>
      <tr class={isChosen ? 'chosen' : ''}>
        <td>
          {isBetter ? <Said icon="up" tone="ok" word="Better" /> : <Said icon="down" tone="error" word="Worse" />}
        </td>
        <td class="clip">
          <button type="button" class="row-button" data-row aria-expanded={isChosen} onClick={toggle}>
            {one.case}
          </button>
        </td>
        <td class="mid">{one.evaluator}</td>
        <td class="num">{valueText(one.a, unit)}</td>
        <td class="num">{valueText(one.b, unit)}</td>
        <td class="num mid">
          {one.trials_a} and {one.trials_b}
        </td>
      </tr>
      {isChosen && (
        <tr class="open-row">
          <td colSpan={6} class="side-cell">
            <SideBySide chosen={one} />
          </td>
        </tr>
      )}
    </>
  );
}

function SideBySide({ chosen }: { chosen: ChangedCase }) {
  return (
    <div class="side-by-side" role="region" aria-label={`Runs of ${chosen.case}`}>
      <Side letter="A" runs={chosen.runs_a} name="run_a" />
      <Side letter="B" runs={chosen.runs_b} name="run_b" />
    </div>
  );
}

/** The story of one run of the case; with several trials, one chooses which. */
function Side({ letter, runs, name }: { letter: string; runs: string[]; name: string }) {
  const wanted = query.value.get(name);
  const run = runs.find((one) => one === wanted) ?? runs[0];
  if (run === undefined) return <p class="calm">{letter} has no run of this case.</p>;
  return (
    <div class="side-run">
      <div class="side-head">
        <span class="side-letter">{letter}</span>
        {runs.length > 1 && (
          <select
            class="pick"
            aria-label={`Trial of ${letter}`}
            value={run}
            onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
          >
            {runs.map((one, index) => (
              <option key={one} value={one}>
                Trial {index + 1} of {runs.length}
              </option>
            ))}
          </select>
        )}
        <a href={runPath(run)}>Open the run</a>
      </div>
      <RunStory id={run} key={run} />
    </div>
  );
}
