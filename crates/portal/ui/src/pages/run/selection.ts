import { signal, type Signal } from '@preact/signals';
import { query, setQuery } from '../../location';

/** Moving through rows with j held down must not write the address at every row. */
const ADDRESS_PAUSE_MS = 150;

/** What a view of a run needs of the choice: which step, and to change it. */
export interface StepChoice {
  readonly spanId: Signal<string | null>;
  select(spanId: string): void;
}

/** The chosen step of a run, shared by its three views and written to the address as `step`. */
export class Selection implements StepChoice {
  readonly spanId: Signal<string | null> = signal(null);
  private timer: number | undefined;

  constructor() {
    this.spanId.value = query.peek().get('step') || null;
  }

  /** Whether the address says which step, or that none; else the first error may be shown. */
  isGiven(): boolean {
    return query.peek().has('step');
  }

  select(spanId: string): void {
    this.set(spanId);
  }

  close(): void {
    this.set(null);
  }

  /** Shown without being asked for, so the address stays short. */
  suggest(spanId: string | null | undefined): void {
    if (!this.isGiven() && this.spanId.peek() === null && spanId) this.spanId.value = spanId;
  }

  /** After Back or Forward the address leads. */
  follow(): void {
    if (this.timer !== undefined || !this.isGiven()) return;
    this.spanId.value = query.peek().get('step') || null;
  }

  private set(spanId: string | null): void {
    this.spanId.value = spanId;
    const path = location.pathname;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.timer = undefined;
      // Whoever left the run meanwhile took the address along.
      if (location.pathname === path) setQuery({ step: spanId ?? '' });
    }, ADDRESS_PAUSE_MS);
  }
}
