import { useEffect, useRef, useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { isCatalog } from '../../api/catalog';
import type { Made, Target, TemplateDetail, Values } from '../../api/catalog-shapes';
import { ApiError, send, type TextProblem } from '../../api/client';
import { query } from '../../location';
import { Icon } from '../../ui/icon';
import { ForRole } from '../../ui/role';
import { Choice } from '../../ui/tabs';
import { Ticked } from '../../ui/ticked';
import { Questions } from './form';
import { firstValues, questionsOf, sortProblems } from './questions';
import { Result } from './result';

type Stage = { at: 'questions' } | { at: 'preview'; made: Made } | { at: 'made'; made: Made };

const STAGES: [Stage['at'], string][] = [
  ['questions', 'Answer'],
  ['preview', 'Look at the files'],
  ['made', 'Made'],
];

/** Questions, then everything that would be written, then the writing. */
export function CreateFlow({ path, template }: { path: string; template: TemplateDetail }) {
  const [values, setValues] = useState<Values>(() => firstValues(template.pages, query.value));
  const [target, setTarget] = useState<Target>('download');
  const [stage, setStage] = useState<Stage>({ at: 'questions' });
  const [problems, setProblems] = useState<TextProblem[]>([]);
  const [isBusy, setBusy] = useState(false);
  const ask = async (part: 'dry-run' | 'run'): Promise<void> => {
    setBusy(true);
    setProblems([]);
    try {
      const made = await send<Made>('POST', `${path}/${part}`, { values, target });
      setStage({ at: part === 'run' ? 'made' : 'preview', made });
      if (part === 'run') refresh(isCatalog);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblems(error.problems.length > 0 ? error.problems : [{ message: error.message }]);
      if (part === 'dry-run') setStage({ at: 'questions' });
    } finally {
      setBusy(false);
    }
  };
  const names = template.pages.flatMap(questionsOf).map(({ name }) => name);
  const sorted = sortProblems(problems, names);
  return (
    <ForRole least="developer" what="Making something from a template">
      <Stages at={stage.at} />
      {stage.at === 'questions' ? (
        <form
          class="form"
          aria-label={`Questions of ${template.title}`}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void ask('dry-run');
          }}
        >
          {template.description && (
            <p class="faint">
              <Ticked text={template.description} />
            </p>
          )}
          <Questions pages={template.pages} values={values} change={setValues} problems={sorted.byName} />
          {template.projects && (
            <fieldset class="field">
              <legend>Where to</legend>
              <Choice<Target>
                label="Where to"
                choices={[
                  ['download', 'Download an archive'],
                  ['project', 'A folder on the server'],
                ]}
                chosen={target}
                choose={setTarget}
              />
            </fieldset>
          )}
          <Problems problems={sorted.others} hasFields={Object.keys(sorted.byName).length > 0} />
          <div class="form-foot">
            <button type="submit" class="button primary" disabled={isBusy}>
              {isBusy ? 'Preparing …' : 'Show what it would make'}
            </button>
            <span class="faint">Nothing is written yet.</span>
          </div>
        </form>
      ) : (
        <Shown key={stage.at}>
          <div class="made-head">
            {stage.at === 'preview' ? (
              <>
                <button type="button" class="button primary" disabled={isBusy} onClick={() => void ask('run')}>
                  {isBusy ? 'Making it …' : 'Create it'}
                </button>
                <button type="button" class="button" disabled={isBusy} onClick={() => setStage({ at: 'questions' })}>
                  Change the answers
                </button>
                <span class="faint">A dry run: these files and changes are what would be made.</span>
              </>
            ) : (
              <button
                type="button"
                class="button"
                onClick={() => {
                  setValues(firstValues(template.pages, query.value));
                  setStage({ at: 'questions' });
                }}
              >
                Create another
              </button>
            )}
          </div>
          <Problems problems={problems} hasFields={false} />
          <Result made={stage.made} />
        </Shown>
      )}
    </ForRole>
  );
}

/** Takes the focus, so that what has just appeared is read out and the keyboard goes on from there. */
function Shown({ children }: { children: preact.ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <section class="made" tabIndex={-1} ref={box} aria-label="What is made">
      {children}
    </section>
  );
}

function Stages({ at }: { at: Stage['at'] }) {
  const place = STAGES.findIndex(([id]) => id === at);
  return (
    <ol class="stages" aria-label="Steps">
      {STAGES.map(([id, word], index) => (
        <li key={id} class={index < place ? 'past' : ''} aria-current={id === at ? 'step' : undefined}>
          {index < place ? <Icon name="check" /> : <i aria-hidden="true">{index + 1}</i>}
          {word}
          {index < place && <span class="hidden"> (done)</span>}
        </li>
      ))}
    </ol>
  );
}

function Problems({ problems, hasFields }: { problems: TextProblem[]; hasFields: boolean }) {
  if (problems.length === 0 && !hasFields) return null;
  return (
    <div class="failure" role="alert">
      <Icon name="alert" />
      <div>
        {hasFields && <p>Some answers need another look; what is wrong stands below each of them.</p>}
        {problems.map((problem) => (
          <p key={`${problem.line}:${problem.message}`}>
            {problem.source && (
              <code>
                {problem.source}
                {problem.line ? `:${problem.line}:${problem.column ?? 1}` : ''}
              </code>
            )}{' '}
            <Ticked text={problem.message} />
          </p>
        ))}
      </div>
    </div>
  );
}
