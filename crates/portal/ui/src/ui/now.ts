import { signal } from '@preact/signals';

const TICK_MS = 5_000;

/** One clock for all relative times, so that they change together and seldom. */
export const now = signal(Date.now());

window.setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, TICK_MS);
