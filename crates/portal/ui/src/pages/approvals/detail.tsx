import type { Approval } from '../../api/gate';
import { instant } from '../../format/time';
import { setQuery } from '../../location';
import { agentPath, boundaryPath, decisionPath, runPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Caller } from '../../ui/caller';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { Name } from '../../ui/name';
import { textOf } from '../../format/permission';
import { ApprovalStatus, ResourceName, Touched } from '../../ui/permission';
import { Ticked } from '../../ui/ticked';
import { AnswerForm, type Answer } from './answer';
import { History } from './history';
import { TimeLeft } from './time-left';

/** One held call with all that a person needs to answer it. */
export function Detail({
  approval,
  given,
  answer,
  begin,
  done,
}: {
  approval: Approval;
  /** Chosen by the reader: on a narrow screen it then covers the list. */
  given: boolean;
  answer: Answer | null;
  begin: (answer: Answer | null) => void;
  done: (id: string) => void;
}) {
  return (
    <aside class={given ? 'panel given' : 'panel'} aria-label="Held call">
      <div class="panel-head">
        <div>
          <ApprovalStatus state={approval.state} />
          {approval.state === 'waiting' && <TimeLeft until={approval.expires_at} long />}
          <span class="spacer" />
          <button
            type="button"
            class="icon-button only-narrow"
            aria-label="Close"
            onClick={() => setQuery({ id: null })}
          >
            <Icon name="cross" />
          </button>
        </div>
        <h2>
          <ResourceName resource={approval.resource} />
        </h2>
      </div>
      <div class="panel-body">
        {approval.state === 'waiting' && <AnswerForm approval={approval} answer={answer} begin={begin} done={done} />}
        <p class="panel-why">
          <Ticked text={approval.reason} />
        </p>
        <dl class="run-facts stacked">
          <Fact name="Agent">
            {approval.agent ? (
              <a href={agentPath(approval.agent)}>
                <Name text={approval.agent} />
              </a>
            ) : (
              <Caller reference={approval.caller} />
            )}
            {approval.team && <span class="faint"> of {approval.team}</span>}
          </Fact>
          <Fact name="Touched in this session">
            <Touched taint={approval.taint} />
          </Fact>
          <Fact name="Asked for by">
            <Policies names={approval.policies} />
          </Fact>
          <Fact name="Run">
            {approval.run_id ? (
              <a href={runPath(approval.run_id)}>The run so far</a>
            ) : (
              <span class="faint">no run</span>
            )}
            {approval.decision_id && (
              <>
                {' · '}
                <a href={decisionPath(approval.decision_id)}>The decision</a>
              </>
            )}
          </Fact>
          <Fact name="Held" title={instant(approval.created_at)}>
            <Ago at={approval.created_at} />
          </Fact>
          {approval.decided_at && (
            <Fact name="Answered" title={instant(approval.decided_at)}>
              by {approval.decided_by ?? 'nobody'}, <Ago at={approval.decided_at} />
              {approval.decision_reason && <p class="answer-why">“{approval.decision_reason}”</p>}
            </Fact>
          )}
        </dl>
        <section class="arguments">
          <h3>Arguments</h3>
          <Arguments approval={approval} />
        </section>
        <History approval={approval} />
      </div>
    </aside>
  );
}

function Arguments({ approval }: { approval: Approval }) {
  if (approval.arguments_shown === 'none') return <p class="faint">The call has none.</p>;
  if (approval.arguments_shown === 'hidden') {
    return (
      <p class="faint">
        Hidden: only an approver sees them, where the content policy keeps them.
        {approval.arguments_digest && (
          <>
            {' '}
            Digest <code class="breakable">{approval.arguments_digest}</code>
          </>
        )}
      </p>
    );
  }
  return (
    <>
      <Json value={approval.arguments} label="Arguments of the call" />
      {approval.arguments_shown === 'cut' && (
        <p class="warn-text">Too long to be shown whole: this is the beginning.</p>
      )}
    </>
  );
}

/** A boundary or policy leads to its page, whatever line of it decided; what is built in is a name. */
export function Policies({ names }: { names: string[] }) {
  return (
    <>
      {names.map((name, index) => {
        const text = textOf(name);
        return (
          <span key={name}>
            {index > 0 && ', '}
            {text ? <a href={boundaryPath(text)}>{name}</a> : <code>{name}</code>}
          </span>
        );
      })}
    </>
  );
}
