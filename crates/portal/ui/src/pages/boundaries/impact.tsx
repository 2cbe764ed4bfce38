import { useEffect, useState } from 'preact/hooks';
import { ApiError, send } from '../../api/client';
import type { Impact, ImpactGroup, PolicyFile, Standing } from '../../api/policies';
import { exact } from '../../format/number';
import { decidedWord } from '../../format/permission';
import { agentPath, decisionPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { ResourceName } from '../../ui/permission';
import { Choice } from '../../ui/tabs';
import { Failure, Waiting } from '../../ui/waiting';
import { impactWords } from './text';

type Days = '1' | '7' | '30';
const DAYS: [Days, string][] = [
  ['1', '1 day'],
  ['7', '7 days'],
  ['30', '30 days'],
];

/** Which recorded decisions would be different under `file`. Asked anew when the text or the time changes. */
export function ImpactView({ file }: { file: PolicyFile }) {
  const [days, setDays] = useState<Days>('7');
  const [answer, setAnswer] = useState<Impact | ApiError | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    setAnswer(null);
    send<Impact>('POST', '/policies/impact', { files: [file], days: Number(days) }, abort.signal).then(
      setAnswer,
      (error: unknown) => {
        if (error instanceof ApiError) setAnswer(error);
      },
    );
    return () => abort.abort();
  }, [file.name, file.text, days]);
  return (
    <section class="impact" aria-label="Impact">
      <div class="impact-head">
        <span class="faint">Of the decisions of the last</span>
        <Choice<Days> label="Time" choices={DAYS} chosen={days} choose={setDays} />
      </div>
      {answer === null ? (
        <Waiting rows={3} />
      ) : answer instanceof ApiError ? (
        <Failure error={answer} />
      ) : (
        <Told impact={answer} />
      )}
    </section>
  );
}

function Told({ impact }: { impact: Impact }) {
  return (
    <>
      <p class="impact-words" role="status">
        <Icon name={impact.changed > 0 ? 'alert' : 'passed'} /> {impactWords(impact)}
      </p>
      {impact.groups.length > 0 && <Groups groups={impact.groups} />}
      {impact.groups_more > 0 && <p class="calm">and {exact(impact.groups_more)} smaller groups.</p>}
      {impact.truncated && <p class="calm">There were more than can be looked at: these are the newest.</p>}
    </>
  );
}

function Groups({ groups }: { groups: ImpactGroup[] }) {
  return (
    <table class="rows" aria-label="Decisions that would change">
      <thead>
        <tr>
          <th scope="col">Was → would be</th>
          <th scope="col" class="num">
            Calls
          </th>
          <th scope="col" class="mid">
            Agent
          </th>
          <th scope="col">What</th>
          <th scope="col" class="num">
            An example
          </th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <tr
            key={`${group.agent}:${group.action}:${group.resource}:${decidedWord(group.was.effect, group.was.enforced)}:${decidedWord(group.would_be.effect, group.would_be.enforced)}`}
          >
            <td>
              <Change was={group.was} wouldBe={group.would_be} />
            </td>
            <td class="num">{exact(group.count)}</td>
            <td class="mid clip">{group.agent ? <a href={agentPath(group.agent)}>{group.agent}</a> : '–'}</td>
            <td class="clip" title={group.example.reason}>
              <ResourceName resource={group.resource} />
            </td>
            <td class="num">
              <a href={decisionPath(group.example.decision_id)} title={group.example.reason}>
                <Ago at={group.example.at} />
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Towards going on widens what an agent may do, away from it narrows; both are said. */
function Change({ was, wouldBe }: { was: Standing; wouldBe: Standing }) {
  const goesOn = wouldBe.effect === 'allow' || !wouldBe.enforced;
  return (
    <Said
      icon={goesOn ? 'up' : 'down'}
      tone={goesOn ? 'asks' : 'error'}
      word={`${decidedWord(was.effect, was.enforced)} → ${decidedWord(wouldBe.effect, wouldBe.enforced)}`}
      title={goesOn ? 'The calls would go on' : 'The calls would not go on'}
    />
  );
}
