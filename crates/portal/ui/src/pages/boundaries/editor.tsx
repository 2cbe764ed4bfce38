import type { PolicyFile } from '../../api/policies';
import { plural } from '../../format/number';
import { CodeEditor } from '../../ui/code-editor';
import { Said } from '../../ui/status';
import type { Checked } from './check';

/** The text a person writes, and beside it the Cedar that decides. */
export function TwoTexts({
  file,
  checked,
  onInput,
  save,
  readOnly,
}: {
  file: PolicyFile;
  checked: Checked;
  onInput: (text: string) => void;
  save?: () => void;
  readOnly?: boolean;
}) {
  const isCedar = file.name.endsWith('.cedar');
  // Problems of other files count too, but have no place in this text.
  const here = checked.problems.map((problem) =>
    !problem.source || problem.source === file.name
      ? problem
      : {
          message: `${problem.source}${problem.line ? `:${problem.line}` : ''}: ${problem.message}`,
          severity: problem.severity ?? 'error',
        },
  );
  return (
    <div class={isCedar ? 'two-texts single' : 'two-texts'}>
      <section>
        <h2>
          {isCedar ? 'Cedar' : 'YAML'}
          <CheckState checked={checked} />
        </h2>
        <CodeEditor
          label={isCedar ? 'Policy in Cedar' : 'Boundary in YAML'}
          text={file.text}
          problems={here}
          onInput={onInput}
          {...(save ? { save } : {})}
          readOnly={readOnly ?? false}
        />
      </section>
      {!isCedar && (
        <section>
          <h2>
            Compiled to Cedar <span class="faint">what decides</span>
          </h2>
          <pre class="compiled" tabIndex={0} role="region" aria-label="Compiled Cedar">
            {checked.cedar ?? (checked.valid === false ? 'Nothing yet: the text does not compile.' : 'Nothing yet.')}
          </pre>
        </section>
      )}
    </div>
  );
}

/** Reserves its place, so that nothing moves while one types. */
function CheckState({ checked: { valid, problems } }: { checked: Checked }) {
  const errors = problems.filter(({ severity }) => severity !== 'warning').length;
  return (
    <span class="check-state" role="status">
      {valid === true && <Said icon="passed" tone="ok" word={problems.length > 0 ? 'Valid, with warnings' : 'Valid'} />}
      {valid === false && <Said icon="failed" tone="error" word={plural(errors, 'error')} />}
    </span>
  );
}
