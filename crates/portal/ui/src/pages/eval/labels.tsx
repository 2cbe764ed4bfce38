import { useEffect, useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { ApiError, get, withQuery } from '../../api/client';
import type { LabelQueue } from '../../api/eval';
import type { AgentSummary, List } from '../../api/shapes';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { agentPath, runPath } from '../../router';
import { useKeys } from '../../shell/shortcuts';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { Icon, type IconName } from '../../ui/icon';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { EvalHead } from './head';
import { keyMeaning, labelledIn, type Decision } from './label-queue';
import { QUEUE_RUNS, useSitting, type Sitting } from './label-sitting';
import { ForRole } from '../../ui/role';
import { RunStory } from './run-story';

const DEFAULT_METRIC = 'success';

export default function LabelsPage() {
  const metric = query.value.get('metric') || DEFAULT_METRIC;
  const agent = query.value.get('agent') ?? '';
  const path = withQuery('/labels/queue', { metric, agent, limit: QUEUE_RUNS });
  return (
    <>
      <EvalHead title="Labelling" />
      <ForRole least="developer" what="Labelling">
        <Choose metric={metric} agent={agent} />
        <Start path={path} metric={metric} key={path} />
      </ForRole>
    </>
  );
}

function Choose({ metric, agent }: { metric: string; agent: string }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  return (
    <div class="filters" role="search" aria-label="What to label">
      <label class="inline-label">
        Metric{' '}
        <input
          data-filter
          value={metric}
          maxLength={63}
          onChange={(event) => setQuery({ metric: event.currentTarget.value.trim() || null, run: null }, true)}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </label>
      <select
        class={agent ? 'pick chosen' : 'pick'}
        aria-label="Agent"
        value={agent}
        onChange={(event) => setQuery({ agent: event.currentTarget.value || null, run: null }, true)}
      >
        <option value="">Any agent</option>
        {agents.map((known) => (
          <option key={known.agent} value={known.agent}>
            {known.agent}
          </option>
        ))}
      </select>
      <span class="faint wide-word">Scores of evaluators are not shown here, so that they do not lead you.</span>
    </div>
  );
}

/** Read anew each time: a queue of before would show runs that have their label by now. */
function Start({ path, metric }: { path: string; metric: string }) {
  const [start, setStart] = useState<LabelQueue | ApiError | null>(null);
  const load = (): void => {
    setStart(null);
    get<LabelQueue>(path).then(setStart, (error: ApiError) => setStart(error));
  };
  useEffect(load, []);
  if (start === null) return <Waiting rows={8} />;
  if (start instanceof ApiError) return <Failure error={start} retry={load} />;
  return <Desk start={start} path={path} metric={metric} />;
}

function Desk({ start, path, metric }: { start: LabelQueue; path: string; metric: string }) {
  const sitting = useSitting(start, path, metric);
  const { queue } = sitting;
  const run = queue.waiting[0];
  useEffect(() => setQuery({ run: run?.run_id ?? null }), [run?.run_id]);
  useKeys((event) => handle(event, sitting));
  return (
    <>
      <Progress sitting={sitting} />
      <Problem text={sitting.problem} />
      {run ? (
        <div class="label-run" key={run.run_id}>
          <p class="label-about">
            {run.agent && <a href={agentPath(run.agent)}>{run.agent}</a>} <Ago at={run.started_at} />{' '}
            <a href={runPath(run.run_id)}>Open the run</a>
          </p>
          <RunStory id={run.run_id} />
        </div>
      ) : (
        <Nothing sitting={sitting} metric={metric} />
      )}
      {(run || queue.decided.length > 0) && <Keys sitting={sitting} metric={metric} />}
    </>
  );
}

function Nothing({ sitting, metric }: { sitting: Sitting; metric: string }) {
  const skipped = sitting.queue.decided.filter(({ decision }) => decision === null).length;
  if (sitting.labelled === 0 && skipped === 0) {
    return (
      <Empty title="No run waits for a label">
        <p>
          Runs appear here when they have ended. Labels of people are what a judge is calibrated against, and what “
          {metric}” can be measured by.
        </p>
        <div class="empty-steps">
          <p>On the command line:</p>
          <Command text={`mizzen label RUN_ID good --metric ${metric}`} />
        </div>
      </Empty>
    );
  }
  return (
    <Empty title="All done">
      <p>
        {plural(sitting.labelled, 'run')} labelled for {metric}
        {skipped > 0 && `, ${exact(skipped)} skipped in this sitting`}.
      </p>
    </Empty>
  );
}

function Progress({ sitting }: { sitting: Sitting }) {
  const { labelled, queue, mayHaveMore } = sitting;
  const waiting = queue.waiting.length;
  const share = labelled + waiting === 0 ? 0 : labelled / (labelled + waiting);
  return (
    <div class="label-progress">
      <div
        class="meter"
        role="progressbar"
        aria-label="Labelled"
        aria-valuemin={0}
        aria-valuemax={labelled + waiting}
        aria-valuenow={labelled}
      >
        <i style={{ width: `${100 * share}%` }} />
      </div>
      <span>
        {exact(labelled)} labelled
        {labelledIn(queue) > 0 && <span class="faint"> ({exact(labelledIn(queue))} now)</span>}, {exact(waiting)}
        {mayHaveMore ? ' or more' : ''} waiting
      </span>
    </div>
  );
}

const BUTTONS: [Decision, string, string, IconName][] = [
  [1, '1', 'Good', 'passed'],
  [0, '0', 'Bad', 'failed'],
  [0.5, '5', 'Partly', 'half'],
  [null, 's', 'Skip', 'skip'],
];

function Keys({ sitting, metric }: { sitting: Sitting; metric: string }) {
  const { queue } = sitting;
  const last = queue.decided.at(-1);
  return (
    <div class="label-keys" role="toolbar" aria-label={`Label this run for ${metric}`}>
      {BUTTONS.map(([decision, key, word, icon]) => (
        <button
          type="button"
          key={key}
          class="button"
          aria-keyshortcuts={key}
          disabled={queue.waiting.length === 0}
          onClick={() => sitting.decide(decision)}
        >
          <Icon name={icon} /> {word} <kbd>{key}</kbd>
        </button>
      ))}
      <button type="button" class="button quiet" aria-keyshortcuts="u" disabled={!last} onClick={sitting.undo}>
        <Icon name="undo" /> Undo <kbd>u</kbd>
      </button>
      {last && (
        <span class="faint last-label" role="status">
          {wordOf(last.decision)}: {last.run.title || last.run.run_id}
        </span>
      )}
    </div>
  );
}

function wordOf(decision: Decision): string {
  return BUTTONS.find(([known]) => known === decision)?.[2] ?? '';
}

/** A key held down labels one run. */
function handle({ key, repeat }: KeyboardEvent, sitting: Sitting): boolean {
  const meaning = repeat ? null : keyMeaning(key);
  if (meaning === 'undo') sitting.undo();
  else if (meaning) sitting.decide(meaning.decision);
  return meaning !== null;
}
