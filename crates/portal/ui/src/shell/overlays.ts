import { signal } from '@preact/signals';

export const paletteOpen = signal(false);
export const helpOpen = signal(false);
/** What a screen reader is told without moving: new runs, deleted things. */
export const announcement = signal('');
