import type { RunSummary } from '../../api/shapes';

/** The queue of one sitting, as pure steps: what waits, and what was decided, so that it can be undone. */

/** `null` is a skip: nothing was said of the run. */
export type Decision = number | null;

interface Decided {
  run: RunSummary;
  decision: Decision;
}

export interface Queue {
  waiting: RunSummary[];
  decided: Decided[];
}

/** The runs in their order; the one the address names first, so that a link leads to it. */
export function begin(runs: RunSummary[], first: string | null): Queue {
  const named = runs.find((run) => run.run_id === first);
  return { waiting: named ? [named, ...runs.filter((run) => run !== named)] : runs, decided: [] };
}

export function decide({ waiting, decided }: Queue, decision: Decision): Queue {
  const [run, ...rest] = waiting;
  return run ? { waiting: rest, decided: [...decided, { run, decision }] } : { waiting, decided };
}

/** The last decision taken back; its run is the current one again. */
export function undo({ waiting, decided }: Queue): Queue {
  const last = decided.at(-1);
  return last ? { waiting: [last.run, ...waiting], decided: decided.slice(0, -1) } : { waiting, decided };
}

/** A label the server did not take is none: its run comes back to the front. */
export function returned(queue: Queue, runId: string): Queue {
  const failed = queue.decided.find(({ run }) => run.run_id === runId);
  if (!failed) return queue;
  return {
    waiting: [failed.run, ...queue.waiting],
    decided: queue.decided.filter((one) => one !== failed),
  };
}

/** More runs at the end, without those already met. */
export function extend({ waiting, decided }: Queue, runs: RunSummary[]): Queue {
  const met = new Set([...waiting.map((run) => run.run_id), ...decided.map(({ run }) => run.run_id)]);
  return { waiting: [...waiting, ...runs.filter((run) => !met.has(run.run_id))], decided };
}

/** Labels given in this sitting; a skip is none. */
export function labelledIn({ decided }: Queue): number {
  return decided.filter(({ decision }) => decision !== null).length;
}

/** What a key means here. */
export function keyMeaning(key: string): { decision: Decision } | 'undo' | null {
  switch (key) {
    case '1':
    case 'y':
      return { decision: 1 };
    case '0':
    case 'n':
      return { decision: 0 };
    case '5':
      return { decision: 0.5 };
    case 's':
      return { decision: null };
    case 'u':
      return 'undo';
    default:
      return null;
  }
}
