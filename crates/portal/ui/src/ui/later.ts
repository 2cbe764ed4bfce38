import { useEffect, useState } from 'preact/hooks';

/** What is asked for after the page itself: the first rows never wait for it. */
const AFTER_MS = 400;

/** False at first, true once the page had time to show itself. */
export function useLater(): boolean {
  const [isTime, setTime] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setTime(true), AFTER_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return isTime;
}
