import { useEffect, useState } from 'preact/hooks';
import { ApiError, send } from '../../api/client';
import type { QueryResult } from '../../api/shapes';
import { query, setQuery } from '../../location';
import { Icon } from '../../ui/icon';
import { PageHead } from '../../ui/page-head';
import { Failure } from '../../ui/waiting';
import { EXAMPLES, TABLES } from './examples';
import { ResultTable } from './result';

type Answer = { result: QueryResult } | { error: ApiError } | null;

export default function SqlPage() {
  const [text, setText] = useState(query.peek().get('q') ?? EXAMPLES[0]?.[1] ?? '');
  const [answer, setAnswer] = useState<Answer>(null);
  const [busy, setBusy] = useState(false);
  const run = async (sql: string): Promise<void> => {
    if (busy || sql.trim() === '') return;
    setBusy(true);
    setQuery({ q: sql });
    try {
      setAnswer({ result: await send<QueryResult>('POST', '/query', { sql }) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setAnswer({ error });
    } finally {
      setBusy(false);
    }
  };
  // A link with a query shows its answer.
  useEffect(() => {
    const asked = query.peek().get('q');
    if (asked) void run(asked);
  }, []);
  return (
    <>
      <PageHead title="SQL">
        <span class="count">
          read-only<span class="mid">; by default up to 10,000 rows, 30 s and 256 MiB</span>
        </span>
      </PageHead>
      <div class="sql">
        <div class="sql-main">
          <Editor text={text} setText={setText} run={() => void run(text)} busy={busy} />
          {answer && ('result' in answer ? <ResultTable result={answer.result} /> : <Failure error={answer.error} />)}
        </div>
        <Guide
          choose={(sql) => {
            setText(sql);
            void run(sql);
          }}
        />
      </div>
    </>
  );
}

function Editor({
  text,
  setText,
  run,
  busy,
}: {
  text: string;
  setText: (text: string) => void;
  run: () => void;
  busy: boolean;
}) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.key === 'Escape') {
      (event.currentTarget as HTMLElement).blur();
    }
  };
  return (
    <div class="editor">
      <textarea
        aria-label="SQL query"
        data-filter
        rows={Math.min(18, Math.max(6, text.split('\n').length + 1))}
        spellcheck={false}
        autocapitalize="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="editor-foot">
        <span class="faint">SELECT, WITH and EXPLAIN over {TABLES.map(([name]) => name).join(', ')}</span>
        <button type="button" class="button primary" aria-busy={busy} onClick={run}>
          <Icon name="play" /> Run <kbd>Ctrl ↵</kbd>
        </button>
      </div>
    </div>
  );
}

function Guide({ choose }: { choose: (sql: string) => void }) {
  return (
    <div class="sql-guide">
      <section class="block">
        <h2>Examples</h2>
        <ul class="plain">
          {EXAMPLES.map(([name, sql]) => (
            <li key={name}>
              <button type="button" class="link" onClick={() => choose(sql)}>
                {name}
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section class="block">
        <h2>Tables</h2>
        <dl class="tables">
          {TABLES.map(([name, meaning]) => (
            <div key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  );
}
