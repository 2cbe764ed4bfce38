import { useData } from '../../api/cache';
import type { EvaluatorView, Page } from '../../api/eval';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { EvalHead } from './head';
import { needWord } from './words';
import { Ticked } from '../../ui/ticked';

export default function EvaluatorsPage() {
  const resource = useData<Page<EvaluatorView>>('/evaluators');
  const items = resource.data.value?.items;
  return (
    <>
      <EvalHead title="Evaluators">{items && <span class="count">{plural(items.length, 'evaluator')}</span>}</EvalHead>
      <Loaded resource={resource}>
        {({ items: evaluators }) =>
          evaluators.length > 0 ? <Table evaluators={evaluators} /> : <Empty title="This server has no evaluators" />
        }
      </Loaded>
    </>
  );
}

function Table({ evaluators }: { evaluators: EvaluatorView[] }) {
  const chosen = query.value.get('evaluator');
  return (
    <table class="rows evals">
      <thead>
        <tr>
          <th scope="col">Evaluator</th>
          <th scope="col" class="num mid">
            Version
          </th>
          <th scope="col" class="mid">
            What it says
          </th>
          <th scope="col">Needs</th>
          <th scope="col" class="num">
            Result
          </th>
        </tr>
      </thead>
      <tbody>
        {evaluators.map((evaluator) => (
          <Rows key={evaluator.name} evaluator={evaluator} isOpen={evaluator.name === chosen} />
        ))}
      </tbody>
    </table>
  );
}

function Rows({ evaluator, isOpen }: { evaluator: EvaluatorView; isOpen: boolean }) {
  return (
    <>
      <tr class={isOpen ? 'chosen' : ''}>
        <td>
          <button
            type="button"
            class="row-button"
            data-row
            aria-expanded={isOpen}
            onClick={() => setQuery({ evaluator: isOpen ? null : evaluator.name })}
          >
            {evaluator.title} <code class="faint wide-word">{evaluator.name}</code>
          </button>
        </td>
        <td class="num mid">{evaluator.version}</td>
        <td class="mid col-words">
          <Ticked text={evaluator.description} />
        </td>
        <td class="col-words">{evaluator.needs.map((need) => needWord[need] ?? need).join(', ') || 'only the run'}</td>
        <td class="num">{resultWord(evaluator)}</td>
      </tr>
      {isOpen && (
        <tr class="open-row">
          <td colSpan={5}>
            <Detail evaluator={evaluator} />
          </td>
        </tr>
      )}
    </>
  );
}

function resultWord({ unit, threshold }: EvaluatorView): string {
  if (unit !== null) return unit.replaceAll('_', ' ');
  return threshold === null ? '0 to 1' : `passes from ${threshold}`;
}

function Detail({ evaluator }: { evaluator: EvaluatorView }) {
  return (
    <div class="case-detail">
      <p>
        <Ticked text={evaluator.description} />
      </p>
      {evaluator.parameters.length === 0 ? (
        <p class="faint">It has no parameters.</p>
      ) : (
        <dl class="parameters">
          {evaluator.parameters.map((parameter) => (
            <div key={parameter.name}>
              <dt>
                <code>{parameter.name}</code>
              </dt>
              <dd>
                <Ticked text={parameter.description} />
                <span class="faint"> · default {parameter.default ?? 'none'}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {!evaluator.on_server && <p>It is a program, and runs only where the command is typed.</p>}
      <p>
        On the command line: <code>mizzen eval run -e {evaluator.name} …</code>
      </p>
    </div>
  );
}
