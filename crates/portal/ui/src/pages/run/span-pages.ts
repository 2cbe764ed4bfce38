import { signal, type Signal } from '@preact/signals';
import { ApiError, get } from '../../api/client';
import type { SpanPage, SpanView } from '../../api/shapes';
import { spansApi } from './paths';

/** All spans of a run, page after page, so that the first are on screen while the last still come. */
export class SpanPages {
  readonly spans: Signal<SpanView[]> = signal([]);
  readonly total: Signal<number | undefined> = signal(undefined);
  readonly isComplete: Signal<boolean> = signal(false);
  readonly error: Signal<ApiError | undefined> = signal(undefined);
  private readonly abort = new AbortController();
  private started = false;

  constructor(private readonly runPath: string) {}

  async load(): Promise<void> {
    if (this.started) return;
    this.started = true;
    let cursor: string | null = null;
    try {
      do {
        const page: SpanPage = await get<SpanPage>(spansApi(this.runPath, cursor), this.abort.signal);
        this.total.value = page.total;
        this.spans.value = this.spans.value.concat(page.items);
        cursor = page.next_cursor ?? null;
      } while (cursor !== null);
      this.isComplete.value = true;
    } catch (error) {
      if (error instanceof ApiError) this.error.value = error;
      else if (!this.abort.signal.aborted) throw error;
    }
  }

  stop(): void {
    this.abort.abort();
  }
}
