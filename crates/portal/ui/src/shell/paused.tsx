import { usePauses, type Pause } from '../api/gate';
import { Icon } from '../ui/icon';
import { useLater } from '../ui/later';
import { scopeWords } from '../format/permission';

/** While anything is paused every page says so: whoever wonders why nothing happens finds the reason at once. */
export function Paused() {
  return useLater() ? <Banner /> : null;
}

function Banner() {
  const pauses = usePauses().data.value?.items ?? [];
  const [first, ...others] = pauses;
  if (!first) return null;
  return (
    <div class="paused-banner" role="status">
      <Icon name={first.kind === 'stop' ? 'stop' : 'pause'} />
      <span class="paused-text">
        <b>{words(first)}</b>
        {first.reason && <>: {first.reason}</>} <span class="paused-by">({first.by})</span>
        {others.length > 0 && <> and {`${others.length} more`}</>}
      </span>
      <a href="/budgets?pause=1">Pauses</a>
    </div>
  );
}

const words = ({ kind, scope }: Pause): string =>
  `${scopeWords(scope)} ${scope.kind === 'all' ? 'are' : 'is'} ${kind === 'stop' ? 'stopped' : 'paused'}`;
