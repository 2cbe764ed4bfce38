import { useData } from '../../api/cache';
import type { MonitorSummary, Page } from '../../api/eval';
import { plural } from '../../format/number';
import { monitorPath } from '../../router';
import { Icon } from '../../ui/icon';
import { useLater } from '../../ui/later';

/** Monitors in alarm, in the line of a heading, so that nothing moves when it comes. */
export function Alarms() {
  return useLater() ? <AlarmLink /> : null;
}

function AlarmLink() {
  const monitors = useData<Page<MonitorSummary>>('/monitors').data.value?.items ?? [];
  const [first, ...others] = monitors.filter(({ state }) => state === 'alarmed');
  if (!first) return null;
  return (
    <a class="alarm-link" href={others.length === 0 ? monitorPath(first.id) : '/evaluations/monitors'}>
      <Icon name="alert" />
      {others.length === 0 ? `Monitor in alarm: ${first.name}` : `${plural(others.length + 1, 'monitor')} in alarm`}
    </a>
  );
}
