import { useState } from 'preact/hooks';
import { ApiError } from '../api/client';

/** Runs one change at a time and keeps what went wrong with it. */
export function useAct(): { problem: string; busy: boolean; act: (change: () => Promise<void>) => Promise<void> } {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const act = async (change: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      await change();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error.message);
    } finally {
      setBusy(false);
    }
  };
  return { problem, busy, act };
}
