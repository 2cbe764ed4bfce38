import { useEffect, useLayoutEffect } from 'preact/hooks';
import { onRuns } from '../../api/live';
import { plural } from '../../format/number';
import { query } from '../../location';
import { announcement } from '../../shell/overlays';
import { FirstSteps } from '../../ui/first-steps';
import { Icon } from '../../ui/icon';
import { ReadAhead } from '../../ui/more';
import { PageHead } from '../../ui/page-head';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { firstRowShown } from '../../ui/marks';
import { isFiltered, parseFilter } from './filter';
import { Filters } from './filters';
import { runList, type RunList } from './run-list';
import { RunTable } from './table';

export default function RunsPage() {
  const filter = parseFilter(query.value);
  const list = runList(filter);
  useEffect(() => {
    void list.reload();
    return onRuns((runs, missed) => {
      if (missed) void list.reload();
      list.hear(runs, isUndisturbed());
      const waiting = list.fresh.value.length;
      if (waiting > 0) announcement.value = `${plural(waiting, 'new run')} above`;
    });
  }, [list]);
  const items = list.items.value;
  return (
    <>
      <PageHead title="Runs">
        <span class="count">
          {items
            ? list.nextCursor.value
              ? `the newest ${plural(items.length, 'run')}`
              : plural(items.length, 'run')
            : ''}
        </span>
        <FreshRuns list={list} />
      </PageHead>
      <Filters filter={filter} />
      <Body list={list} filtered={isFiltered(filter)} />
    </>
  );
}

function Body({ list, filtered }: { list: RunList; filtered: boolean }) {
  const items = list.items.value;
  const cursor = list.nextCursor.value;
  const shown = items !== undefined && items.length > 0;
  useLayoutEffect(() => {
    if (shown) firstRowShown();
  }, [shown]);
  if (list.error.value && !items) return <Failure error={list.error.value} retry={() => void list.reload()} />;
  if (!items) return <Waiting rows={12} />;
  if (items.length === 0) {
    return filtered ? (
      <Empty title="No run matches these filters">
        <p>Remove one, or widen the time.</p>
      </Empty>
    ) : (
      <FirstSteps />
    );
  }
  return (
    <>
      <RunTable runs={items} label="Runs" />
      {cursor !== null && <ReadAhead end={[list, cursor]} more={() => void list.more()} />}
    </>
  );
}

/** New runs wait here while rows on top would push away what somebody reads. */
function FreshRuns({ list }: { list: RunList }) {
  const count = list.fresh.value.length;
  const show = (): void => {
    list.showFresh();
    document.getElementById('main')?.scrollTo({ top: 0 });
  };
  return (
    <button type="button" class="fresh" hidden={count === 0} onClick={show}>
      <Icon name="up" /> {plural(count, 'new run')}
    </button>
  );
}

/** At the top, with neither pointer nor focus in the table, a new row on top disturbs nobody. */
function isUndisturbed(): boolean {
  const main = document.getElementById('main');
  const table = main?.querySelector('table.runs');
  return (main?.scrollTop ?? 0) < 8 && !table?.matches(':hover') && !table?.contains(document.activeElement);
}
