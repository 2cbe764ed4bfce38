import '../../styles/scorecards.css';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { LevelCounts } from '../../api/catalog';
import type { Scorecards } from '../../api/catalog-shapes';
import { withQuery } from '../../api/client';
import { LEVELS, levelWord, referenceName } from '../../format/catalog';
import { exact, percent, plural } from '../../format/number';
import { useKept } from '../../kept';
import { query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { Given, Pick } from '../../ui/filter';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { Choice } from '../../ui/tabs';
import { Empty } from '../../ui/waiting';
import { Fix } from './fix';
import { HeatMap } from './heat-map';
import { CardsTable } from './table';
import { Trend } from './trend';
import { LEVEL_KEYS, levelName } from './words';

const DAYS = 30;
/** A row is some seventy elements: of a thousand rows a browser would think for a second. */
const ROWS_AT_ONCE = 100;

export default function ScorecardsPage() {
  const by = query.value.get('by') === 'agent' ? 'agent' : 'team';
  const owner = query.value.get('owner') ?? '';
  const level = query.value.get('level') ?? '';
  const asTable = query.value.get('as') === 'table';
  const cards = useData<Scorecards>(withQuery('/catalog/scorecards', { by, owner, level, days: DAYS }));
  const data = cards.data.value;
  return (
    <>
      <PageHead title="Scorecards">
        <span class="count">
          {data && (
            <>
              {plural(data.agents, 'agent')}
              {data.computed_at !== null && (
                <>
                  , computed <Ago at={data.computed_at} />
                </>
              )}
            </>
          )}
        </span>
      </PageHead>
      <div class="filters">
        <Choice
          label="Rows"
          choices={[
            ['team', 'Teams'],
            ['agent', 'Agents'],
          ]}
          chosen={by}
          choose={(next) => setQuery({ by: next === 'team' ? null : next }, true)}
        />
        <Choice
          label="Show as"
          choices={[
            ['map', 'Heat map'],
            ['table', 'Table'],
          ]}
          chosen={asTable ? 'table' : 'map'}
          choose={(next) => setQuery({ as: next === 'table' ? 'table' : null })}
        />
        <Pick
          name="level"
          label="Any level"
          value={level}
          options={[['none', 'Not yet known'], ...LEVELS.map((one): [string, string] => [one, levelWord[one]])]}
        />
        {owner && <Given name="owner" value={referenceName(owner)} />}
      </div>
      <Loaded resource={cards} rows={10}>
        {(shown) =>
          shown.rows.length === 0 ? (
            <NoAgents isFiltered={owner !== '' || level !== ''} />
          ) : (
            <Cards cards={shown} asTable={asTable} />
          )
        }
      </Loaded>
    </>
  );
}

function NoAgents({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty title={isFiltered ? 'No agent like that' : 'No agent yet'}>
      <p>
        {isFiltered ? (
          <a href="/catalog/scorecards">All scorecards</a>
        ) : (
          <>
            Every agent gets a scorecard from what Mizzen itself has seen. <a href="/create">Create one</a>, or send
            traffic.
          </>
        )}
      </p>
    </Empty>
  );
}

function Cards({ cards, asTable }: { cards: Scorecards; asTable: boolean }) {
  const [rows, setRows] = useKept('rows', ROWS_AT_ONCE);
  const linksBefore = useRef<number | null>(null);
  const showMore = (): void => {
    linksBefore.current = rowLinks().length;
    setRows(rows + ROWS_AT_ONCE);
  };
  // The button goes with the last rows: who pressed it reads on at the first new one.
  useLayoutEffect(() => {
    if (linksBefore.current !== null) rowLinks()[linksBefore.current]?.focus();
  }, [rows]);
  const shown = { ...cards, rows: cards.rows.slice(0, rows) };
  const hidden = cards.rows.length - shown.rows.length;
  return (
    <>
      <div class="score-top">
        <Distribution levels={cards.distribution} agents={cards.agents} />
        <Trend trend={cards.trend} />
      </div>
      {asTable ? <CardsTable cards={shown} /> : <HeatMap cards={shown} />}
      {hidden > 0 && (
        <button type="button" class="more" onClick={showMore}>
          Show more; {plural(hidden, 'row')} to come
        </button>
      )}
      {cards.truncated && (
        <p class="calm">There are more than these {exact(cards.rows.length)} rows; filter by owner.</p>
      )}
      <Fix cards={cards} />
    </>
  );
}

const rowLinks = (): NodeListOf<HTMLElement> => document.querySelectorAll('#main [data-row]');

/** How many agents are at which level: a bar, and the numbers beside it. */
function Distribution({ levels, agents }: { levels: LevelCounts; agents: number }) {
  return (
    <section class="block" aria-labelledby="distribution">
      <h2 id="distribution">Levels now</h2>
      <div class="level-bar" aria-hidden="true">
        {LEVEL_KEYS.map(
          (key) => levels[key] > 0 && <i key={key} class={`at-${key}`} style={{ flexGrow: levels[key] }} />,
        )}
      </div>
      <ul class="level-counts">
        {LEVEL_KEYS.map((key) => (
          <li key={key}>
            <i class={`at-${key}`} aria-hidden="true" />
            <span>{levelName(key)}</span>
            <b>{exact(levels[key])}</b>
            <span class="faint">{agents > 0 ? percent(levels[key] / agents, 0) : '–'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
