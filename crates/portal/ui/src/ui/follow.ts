import { useEffect } from 'preact/hooks';

/** Reads again every `ms` while the page is looked at, for what changes without an event. */
export function useFollow(reload: () => Promise<void>, ms: number, isOn = true): void {
  useEffect(() => {
    if (!isOn) return;
    const timer = window.setInterval(() => {
      if (!document.hidden) void reload();
    }, ms);
    return () => window.clearInterval(timer);
  }, [ms, isOn]);
}
