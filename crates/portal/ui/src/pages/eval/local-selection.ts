import { signal, type Signal } from '@preact/signals';
import type { StepChoice } from '../run/selection';

/** The chosen step where a story stands beside something else: it is no part of the address. */
export class LocalSelection implements StepChoice {
  readonly spanId: Signal<string | null> = signal(null);

  select(spanId: string): void {
    this.spanId.value = this.spanId.peek() === spanId ? null : spanId;
  }
}
