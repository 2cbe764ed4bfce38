import type { EvaluatorChoice, EvaluatorView } from '../../api/eval';
import { parsed } from '../../format/json';
import { needsSet, needWord } from './words';
import { Ticked } from '../../ui/ticked';

/** The chosen evaluators by name, with the parameters as typed. */
export type Chosen = Record<string, Record<string, string>>;

/** Parameters left empty keep their default, so they are not sent. */
export function choicesOf(chosen: Chosen): EvaluatorChoice[] {
  return Object.entries(chosen).map(([name, typed]) => ({
    name,
    parameters: Object.fromEntries(
      Object.entries(typed)
        .filter(([, text]) => text.trim() !== '')
        .map(([parameter, text]) => [parameter, parsed(text.trim())]),
    ),
  }));
}

export function EvaluatorFields({
  evaluators,
  chosen,
  setChosen,
  hasSet,
  single = false,
}: {
  evaluators: EvaluatorView[];
  chosen: Chosen;
  setChosen: (next: Chosen) => void;
  hasSet: boolean;
  /** A monitor watches one metric. */
  single?: boolean;
}) {
  const toggle = (name: string, on: boolean): void => {
    const others = single ? {} : Object.fromEntries(Object.entries(chosen).filter(([known]) => known !== name));
    setChosen(on ? { ...others, [name]: {} } : others);
  };
  const type = (name: string, parameter: string, text: string): void =>
    setChosen({ ...chosen, [name]: { ...chosen[name], [parameter]: text } });
  return (
    <fieldset class="evaluator-fields">
      <legend>{single ? 'Evaluator' : 'Evaluators'}</legend>
      {evaluators.map((evaluator) => (
        <div key={evaluator.name} class="evaluator-field">
          <label>
            <input
              type={single ? 'radio' : 'checkbox'}
              name="evaluator"
              checked={evaluator.name in chosen}
              onChange={(event) => toggle(evaluator.name, event.currentTarget.checked)}
            />
            <b>{evaluator.title}</b>{' '}
            <span class="faint">
              <Ticked text={evaluator.description} />
            </span>
          </label>
          {evaluator.name in chosen && (
            <Details evaluator={evaluator} typed={chosen[evaluator.name] ?? {}} type={type} hasSet={hasSet} />
          )}
        </div>
      ))}
    </fieldset>
  );
}

function Details({
  evaluator,
  typed,
  type,
  hasSet,
}: {
  evaluator: EvaluatorView;
  typed: Record<string, string>;
  type: (name: string, parameter: string, text: string) => void;
  hasSet: boolean;
}) {
  const missing = needsSet(evaluator.needs) && !hasSet;
  if (evaluator.parameters.length === 0 && !missing) return null;
  return (
    <div class="evaluator-details">
      {missing && (
        <p class="warn-text">
          Needs {evaluator.needs.map((need) => needWord[need] ?? need).join(' and ')}: choose an eval set, or nothing is
          scored.
        </p>
      )}
      {evaluator.parameters.map((parameter) => (
        <div class="parameter" key={parameter.name} title={parameter.description}>
          <label>
            <span>{parameter.name.replaceAll('_', ' ')}</span>
            <input
              value={typed[parameter.name] ?? ''}
              placeholder={parameter.default ?? 'none'}
              onInput={(event) => type(evaluator.name, parameter.name, event.currentTarget.value)}
            />
          </label>
          <span class="faint">
            <Ticked text={parameter.description} />
          </span>
        </div>
      ))}
    </div>
  );
}
