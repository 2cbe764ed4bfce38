import { useState } from 'preact/hooks';
import { refresh } from '../api/cache';
import { ApiError, upload } from '../api/client';
import { may } from '../api/session';
import type { Imported } from '../api/shapes';
import { exact, plural } from '../format/number';
import { runPath } from '../router';
import { Icon } from './icon';

type State = { busy: true } | { done: Imported } | { problem: string } | null;

/** The same as `mizzen import`, for a file on the machine of the browser. */
export function ImportFile() {
  const [state, setState] = useState<State>(null);
  if (!may('developer')) return null;
  const read = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    setState({ busy: true });
    try {
      setState({ done: await upload<Imported>('/import', file) });
      refresh(() => true);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ problem: error.message });
    }
  };
  return (
    <div class="import">
      <label class="button small">
        <Icon name="plus" /> Import a file
        <input
          type="file"
          accept=".json,.jsonl,.ndjson,.pb"
          onChange={(event) => void read(event.currentTarget.files?.[0])}
        />
      </label>
      <span role="status">
        {state && 'busy' in state && <span class="faint">Reading…</span>}
        {state && 'problem' in state && <span class="bad-text">{state.problem}</span>}
        {state && 'done' in state && <Done result={state.done} />}
      </span>
    </div>
  );
}

function Done({ result }: { result: Imported }) {
  const [first] = result.runs;
  const href = result.runs.length === 1 && first !== undefined ? runPath(first) : '/runs';
  return (
    <>
      {plural(result.spans, 'span')} in <a href={href}>{plural(result.runs.length, 'run')}</a>
      {result.rejected > 0 && <span class="bad-text">, {exact(result.rejected)} rejected</span>}
      {result.message && <span class="faint">: {result.message}</span>}
    </>
  );
}
