import { useEffect, useState } from 'preact/hooks';
import { left } from '../../format/permission';
import { instant } from '../../format/time';
import { Icon } from '../../ui/icon';

const TICK_MS = 1_000;
/** From here on the time itself is the news. */
const SOON_MS = 60_000;

/** Counts down by the second: whoever answers must know whether there is time to ask somebody. */
export function TimeLeft({ until, long = false }: { until: string; long?: boolean }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, []);
  const text = left(until, now);
  const isSoon = Date.parse(until) - now < SOON_MS;
  return (
    <span class={isSoon ? 'time-left soon' : 'time-left'} title={`until ${instant(until)}, then it is denied`}>
      <Icon name={isSoon ? 'alert' : 'clock'} />
      {text ?? 'over'}
      {long && text && ' left'}
    </span>
  );
}
