import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import { entityApi, type AgentPart, type EntityDetail, type Summary, type TrendDay } from '../../api/catalog';
import type { EntityGraph } from '../../api/catalog-shapes';
import { referenceName } from '../../format/catalog';
import { shareWithExact } from '../../format/interval';
import { cost, dollars } from '../../format/money';
import { exact, percent } from '../../format/number';
import { entityPath, splitReference } from '../../router';
import { BandChart } from '../../ui/band-chart';
import { EntityLink, iconOf, isOwned } from '../../ui/catalog';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { HowDocsComeIn } from '../docs/come-in';
import {
  agentBlock,
  linksOf,
  nearPath,
  observedGroups,
  refusedOf,
  relationGroups,
  SEEN_USING,
  type AgentBlock,
} from './about';
import { Owned, Parts } from './parts';
import { successBand } from './trend';

/** What a document says of an entity, how it hangs together with others, and how it did lately. */
export function Overview({ detail, summary }: { detail: EntityDetail; summary: Summary | undefined }) {
  const agent = detail.class === 'agent' ? agentBlock(detail.entity) : null;
  return (
    <div class="home entity-overview">
      <div class="home-main">
        {summary?.agent?.runs && <Trend trend={summary.agent.runs.trend} />}
        {summary?.team && <Owned items={summary.team.items} reference={detail.ref} />}
        {detail.class === 'system' && <Parts reference={detail.ref} />}
        <About detail={detail} purpose={summary?.purpose ?? null} />
        {agent && <Declared agent={agent} />}
      </div>
      <div class="home-aside">
        <Relations detail={detail} agent={summary?.agent ?? null} />
        <Links detail={detail} />
        {lacksDocs(detail) && <NoDocs />}
      </div>
    </div>
  );
}

function Trend({ trend }: { trend: TrendDay[] }) {
  const [asTable, setAsTable] = useState(false);
  const band = successBand(trend);
  // One day is no line.
  const isLine = band.at.length > 1;
  return (
    <section class="block">
      <h2>
        Success by day{' '}
        <span class="faint">
          of the runs that said how they ended, with the exact 95% interval; runs of one session count singly
        </span>
        <span class="spacer" />
        {isLine && (
          <button
            type="button"
            class="icon-button"
            aria-pressed={asTable}
            aria-label="Show as a table"
            title={asTable ? 'Show as a chart' : 'Show as a table'}
            onClick={() => setAsTable(!asTable)}
          >
            <Icon name={asTable ? 'chart' : 'table'} />
          </button>
        )}
      </h2>
      {asTable || band.at.length === 1 ? (
        <TrendTable trend={trend} />
      ) : isLine ? (
        <div class="entity-chart">
          <BandChart
            label="Success by day; the table button shows the numbers"
            {...band}
            level={null}
            levelName=""
            alarms={[]}
            format={(value) => percent(value, 0)}
            isScore
          />
        </div>
      ) : (
        <p class="calm">Nothing said yet how its runs went.</p>
      )}
    </section>
  );
}

function TrendTable({ trend }: { trend: TrendDay[] }) {
  return (
    <div class="scroll short" tabIndex={0} role="region" aria-label="Numbers by day">
      <table class="rows">
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" class="num">
              Runs
            </th>
            <th scope="col" class="num">
              OK
            </th>
            <th scope="col" class="num">
              Failed
            </th>
            <th scope="col" class="num">
              Success
            </th>
            <th scope="col" class="num">
              Cost (est.)
            </th>
          </tr>
        </thead>
        <tbody>
          {[...trend].reverse().map((day) => (
            <tr key={day.day}>
              <th scope="row">{day.day.slice(0, 10)}</th>
              <td class="num">{exact(day.runs)}</td>
              <td class="num">{exact(day.ok)}</td>
              <td class="num">{exact(day.errors)}</td>
              <td class="num">{shareWithExact(day.ok, day.ok + day.errors)}</td>
              <td class="num">{cost(day)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** `purpose` stands in the header already. */
function About({ detail, purpose }: { detail: EntityDetail; purpose: string | null }) {
  const { metadata, spec } = detail.entity;
  const facts = Object.entries(spec ?? {}).filter(
    ([, value]) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean',
  );
  return (
    <section class="block">
      <h2>About</h2>
      {metadata.description && metadata.description !== purpose && <p class="about-text">{metadata.description}</p>}
      <dl class="run-facts stacked about-facts">
        <Fact name="Reference">
          <code>{detail.ref}</code>
        </Fact>
        {facts
          .filter(([name]) => name !== 'definition')
          .map(([name, value]) => (
            <Fact key={name} name={name.charAt(0).toUpperCase() + name.slice(1)}>
              {String(value)}
            </Fact>
          ))}
        {(metadata.tags ?? []).length > 0 && (
          <Fact name="Tags">
            <span class="links">
              {metadata.tags?.map((tag) => (
                <a key={tag} href={withQuery('/catalog', { tag })}>
                  {tag}
                </a>
              ))}
            </span>
          </Fact>
        )}
        {Object.entries(metadata.labels ?? {}).map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </dl>
    </section>
  );
}

/** What its owner promises: the block `spec.agent` of the document. */
function Declared({ agent }: { agent: AgentBlock }) {
  const list = (name: string, values: string[]): ComponentChildren =>
    values.length > 0 && <Fact name={name}>{values.join(', ')}</Fact>;
  return (
    <section class="block">
      <h2>
        Declared <span class="faint">what its document promises; the scorecard says what holds</span>
      </h2>
      <dl class="run-facts stacked about-facts">
        {list('Prohibited uses', agent.prohibitedUses)}
        {list('Data', agent.dataClasses)}
        {list('Models', agent.models)}
        {agent.monthlyUsd !== null && <Fact name="Budget">{dollars(agent.monthlyUsd)} a month</Fact>}
        {agent.evals.map(({ set, metric, threshold }) => (
          <Fact key={`${set}:${metric}`} name="Eval">
            {set} {metric && <span class="faint">{metric}</span>} {threshold !== null && `at least ${threshold}`}
          </Fact>
        ))}
        {agent.tools.map(({ server, tool, effect, approval }) => (
          <Fact key={`${server}/${tool}`} name="Tool">
            {server}/{tool} {effect && <span class="chip">{effect}</span>}{' '}
            {approval && <span class="chip">a human approves</span>}
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function Relations({ detail, agent }: { detail: EntityDetail; agent: AgentPart | null }) {
  const near = useData<EntityGraph>(entityApi(detail.ref, nearPath(detail))).data.value;
  const nodes = new Map(near?.nodes.map((node) => [node.ref, node]));
  const refused = agent ? refusedOf(agent, near) : null;
  const groups = [...relationGroups(detail.relations), ...observedGroups(detail, near)];
  return (
    <section class="block">
      <h2>Relations</h2>
      {groups.length === 0 && <p class="calm">None.</p>}
      {groups.map(({ word, targets, more }) => (
        <div key={word} class="relation-group">
          <h3>{word}</h3>
          <ul>
            {targets.map(({ ref, exists }) => (
              <li key={ref}>
                <Icon name={iconOf(splitReference(ref).kind, nodes.get(ref)?.type ?? null)} />
                {!exists ? (
                  <span class="bad-text" title={`${ref} is not in the catalog`}>
                    {referenceName(ref)} <span class="hidden">is not in the catalog</span>
                    <Icon name="alert" />
                  </span>
                ) : (
                  <EntityLink reference={ref} title={nodes.get(ref)?.title ?? null} />
                )}
                {word === SEEN_USING && refused?.has(ref) && (
                  <span class="chip" title="It asked, and in 30 days none of its calls at the gateway went on">
                    refused
                  </span>
                )}
              </li>
            ))}
            {more && (
              <li>
                <a href={entityPath(detail.ref, 'dependencies')}>
                  {targets.length > 0 && 'and '}
                  {more.isBound && 'up to '}
                  {exact(more.count)} more
                </a>
              </li>
            )}
          </ul>
        </div>
      ))}
    </section>
  );
}

/** Teams and people have none, and what nobody declared has no file that they could lie beside. */
const lacksDocs = ({ has_docs: has, origin, ref }: EntityDetail): boolean =>
  !has && origin === 'declared' && isOwned(splitReference(ref).kind);

function NoDocs() {
  return (
    <section class="block">
      <h2>
        Documentation <span class="faint">none yet</span>
      </h2>
      <div class="no-docs">
        <HowDocsComeIn />
      </div>
    </section>
  );
}

function Links({ detail }: { detail: EntityDetail }) {
  const links = linksOf(detail.entity);
  if (links.length === 0) return null;
  return (
    <section class="block">
      <h2>Links</h2>
      <ul class="plain">
        {links.map(({ url, title }) => (
          <li key={url}>
            <a href={url} rel="noreferrer" target="_blank">
              {title}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
