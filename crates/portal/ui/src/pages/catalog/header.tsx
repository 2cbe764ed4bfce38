import type { ComponentChildren } from 'preact';
import type {
  AgentPart,
  ModelPart,
  Summary,
  TeamPart,
  ToolPart,
  ToolServerPart,
  VersionState,
} from '../../api/catalog';
import { classWord, levelWord } from '../../format/catalog';
import { cost, costReason, dollars } from '../../format/money';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';
import { boundaryPath, entityPath, splitReference, toolServerPath } from '../../router';
import { Ago } from '../../ui/ago';
import { CheckStatus, isOwned, LevelBadge, OwnerLink, VersionStatus } from '../../ui/catalog';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Names } from '../../ui/name';
import { ModeStatus } from '../../ui/permission';
import { Ticked } from '../../ui/ticked';
import { shortDigest } from '../eval/words';
import { AgentFigures, ModelFigures } from './figures';
import { LevelBar } from './level-bar';

/**
 * What a reader must know in five seconds: whose it is, what for, what runs, and whether it has earned its place. Where
 * space is short it makes way for a view that was opened.
 */
export function Header({ summary, name, isAway }: { summary: Summary; name: string; isAway: boolean }) {
  const { agent, model, team } = summary;
  return (
    <section class={isAway ? 'entity-header away' : 'entity-header'} aria-label="At a glance">
      {agent?.paused && <PausedLine paused={agent.paused} />}
      {summary.purpose && <p class="purpose">{summary.purpose}</p>}
      <dl class="run-facts page">
        <Head summary={summary} />
        {agent && <AgentFacts agent={agent} />}
        {model && <ModelFacts model={model} />}
        {summary.tool_server && <ServerFacts part={summary.tool_server} />}
        {summary.tool && <ToolFacts part={summary.tool} />}
        {team && <TeamFacts team={team} reference={summary.ref} />}
      </dl>
      {agent && <AgentFigures agent={agent} name={name} reference={summary.ref} />}
      {model && <ModelFigures model={model} />}
      {summary.score && <NextCheckLine summary={summary} />}
    </section>
  );
}

function Head({ summary }: { summary: Summary }) {
  const { owner, version, on_call: onCall, score, agent } = summary;
  const running = agent?.running;
  return (
    <>
      {(owner !== null || isOwned(splitReference(summary.ref).kind)) && (
        <Fact name="Owner">
          <OwnerLink owner={owner?.ref ?? null} title={owner?.title ?? null} />
          {owner && !owner.exists && (
            <span class="bad-text" title="No document declares this owner">
              {' '}
              not in the catalog
            </span>
          )}
          {onCall && (
            <span class="faint">
              {' '}
              · on call <OnCall contact={onCall} />
            </span>
          )}
        </Fact>
      )}
      {score && (
        <Fact name="Level">
          <LevelBadge level={score.level} />
        </Fact>
      )}
      {running ? (
        <Fact name="Running" title={running.digest}>
          <Running running={running} />
        </Fact>
      ) : (
        version && (
          <Fact name="Version" title={version.digest}>
            {version.tag} <VersionStatus state={version.state} />
          </Fact>
        )
      )}
      {summary.lifecycle && <Fact name="Lifecycle">{summary.lifecycle}</Fact>}
      {summary.last_seen_at && (
        <Fact name="Last seen">
          <Ago at={summary.last_seen_at} />
        </Fact>
      )}
    </>
  );
}

/** Only addresses that lead to a person or a page become links. */
function OnCall({ contact }: { contact: string }) {
  return /^(https?:|mailto:|tel:)/.test(contact) ? (
    <a href={contact} rel="noreferrer">
      {contact.replace(/^(mailto:|tel:|https?:\/\/)/, '')}
    </a>
  ) : (
    <>{contact}</>
  );
}

function Running({
  running,
}: {
  running: { digest: string; tag: string | null; state: VersionState | null; digests_seen: number };
}) {
  return (
    <>
      {running.tag ?? <code>{shortDigest(running.digest)}</code>}{' '}
      {running.state ? (
        <VersionStatus state={running.state} />
      ) : (
        <Said icon="alert" tone="error" word="Unknown version" title="What runs has a digest that nobody applied" />
      )}
      {running.digests_seen > 1 && (
        <span class="faint" title="Runs of the last days came from more than one digest">
          {' '}
          · {plural(running.digests_seen, 'digest')} seen
        </span>
      )}
    </>
  );
}

function AgentFacts({ agent }: { agent: AgentPart }) {
  return (
    <>
      {agent.autonomy !== null && (
        <Fact name="Autonomy" title="0 drafts only, 4 acts by itself">
          {agent.autonomy} of 4
        </Fact>
      )}
      {agent.risk_tier && <Fact name="Risk">{agent.risk_tier}</Fact>}
      <Fact name="Boundary">
        {agent.boundary ? (
          <>
            <a href={boundaryPath(agent.boundary.name)}>{agent.boundary.name}</a>{' '}
            <ModeStatus mode={agent.boundary.mode === 'enforce' ? 'enforce' : 'observe'} />
          </>
        ) : (
          <span class="bad-text">none</span>
        )}
      </Fact>
      <Fact name="Tools" title="Granted by its boundary, and used in the last 30 days">
        {agent.tools_granted === null ? '' : `${exact(agent.tools_granted)} granted · `}
        {exact(agent.tools_used)} used
        {agent.tools_unused !== null && agent.tools_unused > 0 && (
          <span class="warn-text"> · {exact(agent.tools_unused)} never</span>
        )}
      </Fact>
      <Fact name={plural(agent.models.length, 'model')}>
        <span class="clipped" title={agent.models.map(({ name }) => name).join(', ')}>
          {agent.models.length > 0 ? <Names texts={agent.models.map(({ name }) => name)} /> : '–'}
        </span>
      </Fact>
      {agent.runbook && (
        <Fact name="Runbook">
          <OnCall contact={agent.runbook} />
        </Fact>
      )}
    </>
  );
}

function ModelFacts({ model }: { model: ModelPart }) {
  return (
    <>
      <Fact name="Provider">{model.provider ?? 'unknown'}</Fact>
      <Fact name="Price per million tokens">
        {model.price ? (
          <>
            {dollars(model.price.input)} in · {dollars(model.price.output)} out{' '}
            <span class="faint">as of {model.price.as_of}</span>
          </>
        ) : (
          'unknown'
        )}
      </Fact>
      <Agents names={model.agents} />
    </>
  );
}

function ServerFacts({ part }: { part: ToolServerPart }) {
  return (
    <>
      <Fact name="Connection" {...(part.fault ? { title: part.fault } : {})}>
        {part.fault ? <span class="bad-text">{part.state ?? 'failing'}</span> : (part.state ?? 'none')}
      </Fact>
      <Fact name="Tools">
        {exact(part.tools)}
        {part.withheld > 0 && <span class="bad-text"> · {exact(part.withheld)} withheld</span>}
      </Fact>
      <Fact name="Changed since approval">
        {part.changed > 0 ? <Said icon="alert" tone="error" word={plural(part.changed, 'tool')} /> : 'none'}
      </Fact>
      <Agents names={part.agents} />
    </>
  );
}

function ToolFacts({ part }: { part: ToolPart }) {
  return (
    <>
      <Fact name="Offered by">
        <a href={toolServerPath(part.server)}>{part.server}</a>
      </Fact>
      <Fact name="Definition" {...(part.digest ? { title: part.digest } : {})}>
        {part.gone ? (
          'gone: its server offers it no more'
        ) : part.withheld ? (
          <Said icon="lock" tone="error" word="Withheld" title={part.withheld} />
        ) : part.changed ? (
          <Said icon="alert" tone="error" word="Changed since approval" />
        ) : part.pinned ? (
          <Said icon="passed" tone="ok" word="Pinned" />
        ) : (
          'not pinned'
        )}
      </Fact>
      <Fact name="Effect">{part.read_only ? 'says it only reads' : 'may change something'}</Fact>
      <Agents names={part.agents} />
    </>
  );
}

function Agents({ names }: { names: string[] }) {
  return (
    <Fact name={plural(names.length, 'agent')} title={names.join(', ')}>
      <span class="clipped">{names.length > 0 ? <Names texts={names} /> : '–'}</span>
    </Fact>
  );
}

function TeamFacts({ team, reference }: { team: TeamPart; reference: string }) {
  const owned = Object.entries(team.owned);
  const total = owned.reduce((sum, [, count]) => sum + count, 0);
  return (
    <>
      <Fact name="Owns" title={owned.map(([name, count]) => plural(count, classWord(name).toLowerCase())).join(', ')}>
        <a href={`/catalog?owner=${encodeURIComponent(reference)}`}>
          {team.truncated && '≥ '}
          {plural(total, 'entity', 'entities')}
        </a>
      </Fact>
      <Fact name="Members">{exact(team.members)}</Fact>
      <Fact name="Cost of kept runs (est.)" title={costReason(team)}>
        {cost(team)}
      </Fact>
      <Fact name="Level of its agents" title="The lowest of its agents">
        <LevelBadge level={team.level} />
      </Fact>
      {team.agents > 0 && (
        <Fact name={plural(team.agents, 'agent')}>
          <LevelBar levels={team.levels} />
        </Fact>
      )}
    </>
  );
}

function PausedLine({ paused }: { paused: NonNullable<AgentPart['paused']> }) {
  const reach = { agent: 'This agent', team: 'Its team', all: 'Every agent' }[paused.reach] ?? 'It';
  return (
    <p class="run-error" title={instant(paused.at)}>
      <Icon name={paused.kind === 'stop' ? 'stop' : 'pause'} />
      <span>
        {reach} is {paused.kind === 'stop' ? 'stopped' : 'paused'} by {paused.by}, <Ago at={paused.at} />
        {paused.reason && `: ${paused.reason}`}. <a href="/budgets?pause=1">Pauses</a>
      </span>
    </p>
  );
}

/** What is needed for the next level, and how to get it. */
function NextCheckLine({ summary }: { summary: Summary }) {
  const { score } = summary;
  if (!score) return null;
  const scorecard = entityPath(summary.ref, 'scorecard');
  const exempt = score.exempt > 0 ? `, ${exact(score.exempt)} exempt` : '';
  const counts = `${exact(score.passed)} passed, ${exact(score.failed)} failed, ${exact(score.no_evidence)} without evidence${exempt}`;
  if (!score.next) {
    return (
      <Strip>
        <Icon name="passed" /> <span>Every check passes.</span> <a href={scorecard}>{counts}</a>
      </Strip>
    );
  }
  const { next } = score;
  return (
    <Strip>
      <b>Next, for {levelWord[next.level]}:</b>
      <CheckStatus state={next.state} />
      <a href={`${scorecard}&check=${encodeURIComponent(next.id)}`}>{next.title}</a>
      <span class="next-fix" title={next.fix}>
        <Ticked text={next.fix} />
      </span>
      <a class="next-counts" href={scorecard}>
        {counts}
      </a>
    </Strip>
  );
}

const Strip = ({ children }: { children: ComponentChildren }) => <div class="next-check">{children}</div>;
