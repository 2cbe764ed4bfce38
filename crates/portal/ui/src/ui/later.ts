import { useEffect, useState } from 'preact/hooks';
import { firstRead } from '../api/cache';

/** What is asked for after the page itself: the first rows never wait for it. */
const AFTER_MS = 400;
/** A page that reads nothing is there at once. */
const WITHOUT_READING_MS = 2_000;

/** False at first, true once the page had time to read and to show itself. */
export function useLater(): boolean {
  const [isTime, setTime] = useState(false);
  const hasRead = firstRead.value;
  useEffect(() => {
    const timer = window.setTimeout(() => setTime(true), hasRead ? AFTER_MS : WITHOUT_READING_MS);
    return () => window.clearTimeout(timer);
  }, [hasRead]);
  return isTime;
}
