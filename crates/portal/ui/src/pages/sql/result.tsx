import type { QueryResult } from '../../api/shapes';
import { exact, plural } from '../../format/number';
import { useKept } from '../../kept';
import { modelPath, runPath, agentPath } from '../../router';
import { Copy } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { cell, toCsv } from './csv';

/** Rows in the document at once; a result may have many more. */
const ROWS_STEP = 200;

const LINKS: Record<string, (value: string) => string> = { run_id: runPath, agent: agentPath, model: modelPath };

export function ResultTable({ result }: { result: QueryResult }) {
  const [shown, setShown] = useKept('rows', ROWS_STEP);
  const isNumber = result.columns.map((_, column) =>
    result.rows.every((row) => row[column] === null || typeof row[column] === 'number'),
  );
  return (
    <section class="result" aria-label="Result">
      <div class="result-head">
        <span role="status">
          {plural(result.rows.length, 'row')} in {exact(Math.round(result.elapsed_ms))} ms
        </span>
        {result.truncated && (
          <span class="badge warn">
            <Icon name="alert" /> cut at the row limit; add LIMIT or aggregate
          </span>
        )}
        <span class="spacer" />
        <Copy text={() => toCsv(result)} label="Copy as CSV" word="CSV" />
        <Copy text={() => JSON.stringify(asObjects(result), null, 2)} label="Copy as JSON" word="JSON" />
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label="Rows of the result">
        <table class="rows result-rows">
          <thead>
            <tr>
              {result.columns.map((column, index) => (
                <th key={index} scope="col" class={isNumber[index] ? 'num' : undefined} title={column.type}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {result.rows.slice(0, shown).map((row, line) => (
              <tr key={line}>
                {row.map((value, index) => (
                  <td key={index} class={isNumber[index] ? 'num' : undefined}>
                    <Cell value={value} column={result.columns[index]?.name ?? ''} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {result.rows.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + ROWS_STEP)}>
          Show more
        </button>
      )}
    </section>
  );
}

function Cell({ value, column }: { value: unknown; column: string }) {
  if (value === null || value === undefined) return <span class="faint">null</span>;
  const link = LINKS[column];
  if (link && typeof value === 'string' && value !== '') return <a href={link(value)}>{value}</a>;
  if (typeof value === 'number') return <>{Number.isInteger(value) ? value : Number(value.toPrecision(6))}</>;
  const text = cell(value);
  return <span title={text.length > 60 ? text : undefined}>{text}</span>;
}

function asObjects({ columns, rows }: QueryResult): Record<string, unknown>[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column.name, row[index]])));
}
