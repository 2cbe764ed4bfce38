import { useState } from 'preact/hooks';
import { diff, isSame, parts, type Line, type Row } from '../format/diff';
import { differing, type Marked } from '../format/diff-pairs';
import { plural } from '../format/number';
import { Revealed } from './revealed';

/** Two texts side by side; what differs is marked with a sign, not by colour alone. */
export function Diff({
  before,
  after,
  names,
  label,
}: {
  before: string;
  after: string;
  names: [string, string];
  label: string;
}) {
  const rows = diff(before, after);
  const [all, setAll] = useState(false);
  if (isSame(rows)) return <p class="calm">{label}: the two are the same.</p>;
  return (
    <div class="diff" tabIndex={0} role="region" aria-label={label}>
      <table>
        <colgroup>
          <col />
          <col />
          <col />
          <col />
        </colgroup>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col" colSpan={2}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {parts(rows).map((part, index) =>
            part.kind === 'rows' || all ? (
              part.rows.map((row, at) => <DiffRow key={`${index}:${at}`} row={row} />)
            ) : (
              <tr key={index} class="diff-hidden">
                <td colSpan={4}>
                  <button type="button" class="link" onClick={() => setAll(true)}>
                    {plural(part.rows.length, 'line')} alike
                  </button>
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function DiffRow({ row: { kind, before, after } }: { row: Row }) {
  const isChanged = kind === 'changed';
  const [left, right] = isChanged && before && after ? differing(before.text, after.text) : [null, null];
  return (
    <tr class={kind}>
      <Side line={before} marked={left} sign="−" isChanged={isChanged} word="removed" />
      <Side line={after} marked={right} sign="+" isChanged={isChanged} word="added" />
    </tr>
  );
}

function Side({
  line,
  marked,
  sign,
  isChanged,
  word,
}: {
  line: Line | null;
  /** The line around what differs, where the other side has a line for it. */
  marked: Marked | null;
  sign: string;
  isChanged: boolean;
  word: string;
}) {
  if (!line) {
    return (
      <td class="diff-none" colSpan={2}>
        <span class="hidden">no such line</span>
      </td>
    );
  }
  return (
    <>
      <td class="diff-at">{line.at}</td>
      <td class={isChanged ? `diff-text ${word}` : 'diff-text'}>
        {isChanged && (
          <>
            <i aria-hidden="true">{sign}</i>
            <span class="hidden">{word}: </span>
          </>
        )}
        {marked && marked.start + marked.end !== '' ? <Differing marked={marked} /> : <Revealed text={line.text} />}
      </td>
    </>
  );
}

function Differing({ marked: { start, differs, end } }: { marked: Marked }) {
  return (
    <>
      <Revealed text={start} />
      {differs && (
        <b>
          <Revealed text={differs} />
        </b>
      )}
      <Revealed text={end} />
    </>
  );
}
