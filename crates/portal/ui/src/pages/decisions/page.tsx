import { useData } from '../../api/cache';
import { usePages } from '../../api/pages';
import type { DecisionItem, Mode } from '../../api/policies';
import type { AgentSummary, List } from '../../api/shapes';
import { commandFor } from '../../format/command';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { Caller } from '../../ui/caller';
import { Command } from '../../ui/copy';
import { Given, Pick, SincePick, TextFilter } from '../../ui/filter';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { Name } from '../../ui/name';
import { PageHead } from '../../ui/page-head';
import { EffectStatus, EnforcedChip, ResourceName } from '../../ui/permission';
import { useSince } from '../../ui/since';
import { Empty } from '../../ui/waiting';
import { DecisionPanel } from './decision';
import {
  FILTER_NAMES,
  isFiltered,
  KINDS,
  listPath,
  lookedFor,
  parseFilter,
  searched,
  type DecisionFilter,
} from './filter';
import { Ticked } from '../../ui/ticked';

const PAGE_ROWS = 50;
const ACTIONS = [
  'tools:call',
  'tools:list',
  'models:call',
  'models:list',
  'resources:read',
  'prompts:get',
  'routes:call',
  'hosts:connect',
];

export default function DecisionsPage() {
  const filter = parseFilter(query.value);
  const since = useSince(filter.since);
  const pages = usePages<DecisionItem>(listPath(filter, since, PAGE_ROWS), listPath(filter, filter.since, PAGE_ROWS));
  const chosen = query.value.get('decision');
  return (
    <div class="page-fill">
      <PageHead title="Decisions">
        <span class="count">
          {pages.items && (pages.more ? 'the newest ' : '') + plural(pages.items.length, 'decision')}
        </span>
      </PageHead>
      <Filters filter={filter} />
      <Loaded resource={pages.first} rows={12}>
        {() =>
          pages.items && pages.items.length > 0 ? (
            <div class={chosen ? 'split' : 'split alone'}>
              <div class="split-list">
                <Table items={pages.items} chosen={chosen} />
                <NextPage pages={pages} />
              </div>
              {chosen && <DecisionPanel key={chosen} id={chosen} />}
            </div>
          ) : chosen ? (
            <div class="split">
              <NoDecision filter={filter} />
              <DecisionPanel key={chosen} id={chosen} />
            </div>
          ) : (
            <NoDecision filter={filter} />
          )
        }
      </Loaded>
    </div>
  );
}

function NoDecision({ filter }: { filter: DecisionFilter }) {
  if (isFiltered(filter)) {
    return (
      <Empty title="No decision matches these filters">
        <p>Remove one, or widen the time.</p>
        {filter.resource && <Searched filter={filter} />}
      </Empty>
    );
  }
  return (
    <Empty title="Nothing was decided yet">
      <p>
        Every model call and every tool call that comes through a gateway is decided and recorded here, whether it is
        enforced or only observed.
      </p>
      <div class="empty-steps">
        <Command text={commandFor(location.origin, 'mizzen run -- python agent.py')} />
        <Command text="mizzen policy explain DECISION" />
      </div>
    </Empty>
  );
}

/** A name is looked for among one kind, which may not be the one that was meant. */
function Searched({ filter }: { filter: DecisionFilter }) {
  const { kind, name } = lookedFor(filter);
  return (
    <p>
      Only {searched(kind).toLowerCase()} names were searched. Choose another kind, or write it in front, as in{' '}
      <code>
        {kind === 'model' ? 'tool' : 'model'}:<Name text={name} />
      </code>
      .
    </p>
  );
}

function Filters({ filter }: { filter: DecisionFilter }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const looked = lookedFor(filter);
  const clear = (): void => setQuery(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), true);
  return (
    <div class="filters" role="search">
      <TextFilter name="resource" label={`${searched(looked.kind)} begins with`} value={filter.resource} />
      <Pick
        name="kind"
        label="Any kind"
        // A kind that is typed is in the text: there this limits nothing.
        value={looked.name === filter.resource ? looked.kind : ''}
        options={KINDS}
        // A kind in front of the text, or a text that has to be of some kind, would go against what is chosen here.
        also={{ resource: looked.name || null }}
      />
      <Pick
        name="effect"
        label="Any effect"
        value={filter.effect}
        options={[
          ['deny', 'Deny'],
          ['needs_approval', 'Needs approval'],
          ['allow', 'Allow'],
        ]}
      />
      <Pick
        name="enforced"
        label="Enforced or observed"
        value={filter.enforced}
        options={[
          ['true', 'Enforced'],
          ['false', 'Observed'],
        ]}
      />
      <Pick name="agent" label="Agent" value={filter.agent} options={agents.map(({ agent }) => [agent, agent])} />
      <Pick name="action" label="Action" value={filter.action} options={ACTIONS.map((one) => [one, one])} />
      <SincePick value={filter.since} />
      {filter.run && <Given name="run" value={filter.run} />}
      {filter.code && <Given name="code" value={filter.code} />}
      {isFiltered(filter) && (
        <button type="button" class="button small quiet" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

/** An observed allow differs in nothing from an enforced one, and an approved call went on: there the mode says it. */
const wasHeld = ({ enforced, mode }: DecisionItem): boolean => enforced || mode === ('enforce' satisfies Mode);

function Table({ items, chosen }: { items: DecisionItem[]; chosen: string | null }) {
  return (
    <table class="rows decisions" aria-label="Decisions">
      <thead>
        <tr>
          <th scope="col" class="col-effect">
            Effect
          </th>
          <th scope="col" class="col-enforced mid">
            Mode
          </th>
          <th scope="col" class="col-what">
            What
          </th>
          <th scope="col" class="col-agent mid">
            Agent
          </th>
          <th scope="col" class="wide">
            Why
          </th>
          <th scope="col" class="num col-started">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id} class={one.id === chosen ? 'chosen' : ''}>
            <td class="col-effect">
              <EffectStatus effect={one.effect} enforced={one.enforced} mode={one.mode} />
            </td>
            <td class="col-enforced mid">
              <EnforcedChip enforced={wasHeld(one)} />
            </td>
            <td class="col-what">
              <button
                type="button"
                class="row-button"
                data-row
                aria-pressed={one.id === chosen}
                onClick={() => setQuery({ decision: one.id === chosen ? null : one.id })}
              >
                <ResourceName resource={one.resource} />
              </button>
              <span class="row-more">
                <Caller agent={one.agent} reference={one.caller} /> · <Ticked text={one.reason} />
              </span>
            </td>
            <td class="col-agent mid clip">
              <Caller agent={one.agent} reference={one.caller} />
            </td>
            <td class="wide col-reason" title={one.reason}>
              <Ticked text={one.reason} />
            </td>
            <td class="num col-started">
              <Ago at={one.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
