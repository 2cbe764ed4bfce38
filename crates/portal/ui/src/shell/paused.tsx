import { usePauses, type Pause } from '../api/gate';
import { Icon } from '../ui/icon';
import { useLater } from '../ui/later';
import { scopeWords } from '../format/permission';

/** What this tab saw last, so that the next page has the row at once and nothing moves when it is read again. */
const SEEN = 'mizzen:pauses';

/** While anything is paused every page says so: whoever wonders why nothing happens finds the reason at once. */
export function Paused() {
  return useLater() ? <Read /> : <Banner pauses={seen()} />;
}

function Read() {
  const read = usePauses().data.value?.items;
  if (read) sessionStorage.setItem(SEEN, JSON.stringify(read));
  return <Banner pauses={read ?? seen()} />;
}

function seen(): Pause[] {
  return JSON.parse(sessionStorage.getItem(SEEN) ?? '[]') as Pause[];
}

/** Nothing of one session may be shown in the next. */
export function forgetPauses(): void {
  sessionStorage.removeItem(SEEN);
}

function Banner({ pauses }: { pauses: Pause[] }) {
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
