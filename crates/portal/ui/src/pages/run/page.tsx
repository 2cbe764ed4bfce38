import { useEffect, useMemo } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { onRuns } from '../../api/live';
import type { RunDetail } from '../../api/shapes';
import { query, setQuery } from '../../location';
import { useKeys } from '../../shell/shortcuts';
import { PageHead } from '../../ui/page-head';
import { Tabs } from '../../ui/tabs';
import { Failure, Waiting } from '../../ui/waiting';
import { GraphView } from './graph';
import { RunActions, RunFacts } from './head';
import { Panel } from './panel';
import { runApi } from './paths';
import { Selection } from './selection';
import { Story } from './story';
import { Waterfall } from './waterfall';

const TABS = [
  { id: 'story', label: 'Story' },
  { id: 'waterfall', label: 'Waterfall' },
  { id: 'graph', label: 'Graph' },
];

/** A run that is still going is read again this often at most. */
const REFRESH_MS = 2_000;

export default function RunPage({ id }: { id: string }) {
  const path = runApi(id);
  const resource = useData<RunDetail>(path);
  const selection = useMemo(() => new Selection(), [id]);
  const detail = resource.data.value;
  const tab = TABS.find((known) => known.id === query.value.get('tab'))?.id ?? 'story';

  useEffect(() => followLive(id, path), [id]);
  useEffect(() => selection.suggest(detail?.first_error), [detail?.first_error]);
  useEffect(() => selection.follow(), [query.value]);
  useKeys(({ key }) => handle(key, selection, detail));

  if (!detail) {
    return (
      <>
        <PageHead title="Run" up={{ href: '/runs', name: 'Runs' }} />
        {resource.error.value ? (
          <>
            <Failure error={resource.error.value} retry={() => void resource.reload()} />
            <p class="calm">
              <a href="/runs">All runs</a>
            </p>
          </>
        ) : (
          <Waiting rows={12} />
        )}
      </>
    );
  }
  return (
    <div class={selection.spanId.value ? 'run with-panel' : 'run'}>
      <PageHead title={titleOf(detail)} up={{ href: '/runs', name: 'Runs' }}>
        <RunActions summary={detail.summary} path={path} />
      </PageHead>
      <RunFacts detail={detail} />
      <Tabs
        tabs={TABS}
        chosen={tab}
        choose={(next) => setQuery({ tab: next === 'story' ? null : next }, true)}
        label="Views of the run"
        panel="run-view"
      />
      <div class="run-body">
        <div class={`run-view ${tab}`} id="run-view" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {tab === 'story' && <Story path={path} detail={detail} selection={selection} />}
          {tab === 'waterfall' && <Waterfall path={path} detail={detail} selection={selection} />}
          {tab === 'graph' && <GraphView path={path} detail={detail} selection={selection} />}
        </div>
        <Panel path={path} detail={detail} selection={selection} />
      </div>
    </div>
  );
}

/** A run without content has no title: what it did first names it better than its id. */
function titleOf({ summary, steps }: RunDetail): string {
  const [first] = steps;
  return summary.title || first?.tool || first?.name || summary.run_id;
}

function followLive(id: string, path: string): () => void {
  let timer: number | undefined;
  const stop = onRuns((runs, missed) => {
    if (!missed && !runs.some((run) => run.run_id === id)) return;
    timer ??= window.setTimeout(() => {
      timer = undefined;
      // Spans of a run never change once stored, so what was read of single spans stays.
      refresh((read) => read === path || read.startsWith(`${path}/story`) || read.startsWith(`${path}/graph`));
    }, REFRESH_MS);
  });
  return () => {
    stop();
    window.clearTimeout(timer);
  };
}

/** 1, 2, 3 choose a view, e goes to the next error, Esc closes the panel. */
function handle(key: string, selection: Selection, detail: RunDetail | undefined): boolean {
  const tab = TABS[Number(key) - 1];
  if (tab) setQuery({ tab: tab.id === 'story' ? null : tab.id }, true);
  else if (key === 'e') selectNextError(selection, detail);
  else if (key === 'Escape' && selection.spanId.peek()) selection.close();
  else return false;
  return true;
}

function selectNextError(selection: Selection, detail: RunDetail | undefined): void {
  const steps = detail?.steps ?? [];
  const at = steps.findIndex((step) => step.span_id === selection.spanId.peek());
  const isError = (index: number): boolean => steps[index]?.outcome === 'error';
  for (let distance = 1; distance <= steps.length; distance += 1) {
    const index = (at + distance + steps.length) % steps.length;
    if (isError(index)) return selection.select(steps[index]?.span_id ?? '');
  }
}
