import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get, send } from '../../api/client';
import type { LabelQueue } from '../../api/eval';
import { query } from '../../location';
import { begin, decide, extend, labelledIn, returned, undo, type Decision, type Queue } from './label-queue';

/** What the server gives at once; more is read before it runs out. */
export const QUEUE_RUNS = 50;
const REFILL_AT = 5;

export interface Sitting {
  queue: Queue;
  /** For this metric in all, with those of this sitting. */
  labelled: number;
  mayHaveMore: boolean;
  problem: string;
  decide: (decision: Decision) => void;
  undo: () => void;
}

/**
 * Labels are shown as given at once and sent behind it, one after the other, so that an undo never overtakes what it
 * undoes.
 */
export function useSitting(start: LabelQueue, path: string, metric: string): Sitting {
  const [queue, setQueue] = useState<Queue>(() => begin(runsOf(start), query.peek().get('run')));
  const [labelledBefore] = useState(start.labelled);
  const [mayHaveMore, setMayHaveMore] = useState(start.items.length >= QUEUE_RUNS);
  const [problem, setProblem] = useState('');
  const sending = useRef<Promise<void>>(Promise.resolve());

  const later = (runId: string, change: () => Promise<unknown>): void => {
    sending.current = sending.current.then(change).then(
      () => undefined,
      (error: unknown) => {
        setProblem(error instanceof ApiError ? error.message : String(error));
        setQueue((now) => returned(now, runId));
      },
    );
  };
  useEffect(() => {
    if (!mayHaveMore || queue.waiting.length > REFILL_AT) return;
    void sending.current
      .then(() => get<LabelQueue>(path))
      .then(
        (next) => {
          setQueue((now) => extend(now, runsOf(next)));
          setMayHaveMore(next.items.length >= QUEUE_RUNS);
        },
        () => setMayHaveMore(false),
      );
  }, [queue.waiting.length <= REFILL_AT]);

  const addressOf = (runId: string): string =>
    `/runs/${encodeURIComponent(runId)}/labels/${encodeURIComponent(metric)}`;
  return {
    queue,
    labelled: labelledBefore + labelledIn(queue),
    mayHaveMore,
    problem,
    decide: (decision) => {
      const run = queue.waiting[0];
      if (!run) return;
      setProblem('');
      setQueue(decide(queue, decision));
      if (decision !== null)
        later(run.run_id, () => send('PUT', addressOf(run.run_id), { value: decision, note: null }));
    },
    undo: () => {
      const last = queue.decided.at(-1);
      if (!last) return;
      setProblem('');
      setQueue(undo(queue));
      if (last.decision !== null) later(last.run.run_id, () => send('DELETE', addressOf(last.run.run_id)));
    },
  };
}

function runsOf({ items }: LabelQueue) {
  return items.map(({ run }) => run);
}
