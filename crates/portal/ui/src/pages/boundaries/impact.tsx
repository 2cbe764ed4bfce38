import { useEffect, useState } from 'preact/hooks';
import { ApiError, send } from '../../api/client';
import type { Impact, ImpactGroup, PolicyFile } from '../../api/policies';
import { exact } from '../../format/number';
import { agentPath, decisionPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Icon } from '../../ui/icon';
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

/** Which recorded decisions would have been different under `file`. Asked anew when the text or the time changes. */
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
          <tr key={`${group.agent}:${group.action}:${group.resource}:${group.from}:${group.to}`}>
            <td>
              <Change from={group.from} to={group.to} />
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

const word = (effect: string): string => effect.replaceAll('_', ' ');

/** Towards allow widens what an agent may do, away from it narrows; both are said. */
function Change({ from, to }: { from: string; to: string }) {
  const widens = to === 'allow';
  return (
    <span class={widens ? 'status asks' : 'status error'}>
      <Icon name={widens ? 'up' : 'down'} />
      {word(from)} → {word(to)}
    </span>
  );
}
