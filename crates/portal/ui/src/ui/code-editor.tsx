import { useEffect, useRef } from 'preact/hooks';
import type { TextProblem } from '../api/client';
import { marked, offsetOf } from '../format/text-place';
import { Icon } from './icon';
import { Ticked } from './ticked';

/**
 * A plain text area with line numbers, and problems underlined where they are. The area is the platform's own, so
 * undo, search, spelling and screen readers work as ever; Tab leaves it.
 */
export function CodeEditor({
  label,
  text,
  problems,
  onInput,
  save,
  readOnly = false,
}: {
  label: string;
  text: string;
  problems: TextProblem[];
  onInput: (text: string) => void;
  save?: () => void;
  readOnly?: boolean;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const behind = useRef<HTMLDivElement>(null);
  const count = text.split('\n').length;
  const byLine = new Map(problems.map((problem) => [problem.line ?? 0, problem]));
  const follow = (): void => {
    if (!area.current || !behind.current) return;
    behind.current.style.setProperty('--left', `${-area.current.scrollLeft}px`);
    behind.current.style.setProperty('--top', `${-area.current.scrollTop}px`);
  };
  useEffect(follow, [text]);
  const goTo = ({ line, column }: TextProblem): void => {
    const at = offsetOf(text, line ?? 1, column ?? 1);
    area.current?.focus();
    area.current?.setSelectionRange(at, at);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (save && event.key.toLowerCase() === 's' && (event.ctrlKey || event.metaKey)) save();
    else if (event.key === 'F8') goToNext(area.current, text, problems, goTo);
    else return;
    event.preventDefault();
  };
  return (
    <div class="code-editor">
      <div class="code-area">
        <div class="code-behind" ref={behind} aria-hidden="true">
          <ol class="code-lines">
            {Array.from({ length: count }, (_, index) => (
              <li key={index} class={byLine.get(index + 1)?.severity ?? (byLine.has(index + 1) ? 'error' : '')} />
            ))}
          </ol>
          <pre class="code-marks">
            {marked(text, problems).map((piece, index) =>
              piece.severity ? (
                <mark key={index} class={piece.severity}>
                  {piece.text}
                </mark>
              ) : (
                piece.text
              ),
            )}
          </pre>
        </div>
        <textarea
          ref={area}
          aria-label={label}
          aria-describedby="code-problems"
          aria-invalid={problems.some(({ severity }) => severity !== 'warning')}
          wrap="off"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          rows={Math.min(36, Math.max(14, count + 1))}
          readOnly={readOnly}
          value={text}
          onInput={(event) => onInput(event.currentTarget.value)}
          onScroll={follow}
          onKeyDown={onKeyDown}
        />
      </div>
      <ProblemList problems={problems} goTo={goTo} />
    </div>
  );
}

function goToNext(
  area: HTMLTextAreaElement | null,
  text: string,
  problems: TextProblem[],
  goTo: (problem: TextProblem) => void,
): void {
  const from = area?.selectionStart ?? 0;
  const places = problems.map((problem) => ({ problem, at: offsetOf(text, problem.line ?? 1, problem.column ?? 1) }));
  const next = places.find(({ at }) => at > from) ?? places[0];
  if (next) goTo(next.problem);
}

/** A problem of a whole line has no column, one of the whole text no line. */
function placeWords({ line, column }: TextProblem): string {
  if (!line) return '';
  return column ? ` in line ${line}, column ${column}` : ` in line ${line}`;
}

/** The problems in words, with their place; each leads there. */
function ProblemList({ problems, goTo }: { problems: TextProblem[]; goTo: (problem: TextProblem) => void }) {
  return (
    <ul class="code-problems" id="code-problems" aria-live="polite">
      {problems.map((problem) => (
        <li key={`${problem.line}:${problem.column}:${problem.message}`} class={problem.severity ?? 'error'}>
          <Icon name={problem.severity === 'warning' ? 'help' : 'alert'} />
          <button type="button" class="link" onClick={() => goTo(problem)}>
            {problem.severity === 'warning' ? 'Warning' : 'Error'}
            {placeWords(problem)}
          </button>
          <span>
            <Ticked text={problem.message} />
          </span>
        </li>
      ))}
    </ul>
  );
}
