import type { ScorecardCell, ScorecardRow, Scorecards } from '../../api/catalog-shapes';
import { levelWord } from '../../format/catalog';
import { plural } from '../../format/number';
import { entityPath } from '../../router';
import { LevelBadge } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { byLevel, cellIcon, cellText, cellWord, cellWords, stateOf } from './words';

/** Rows × checks. Each cell says its state by sign and word too; what is worst in a team decides its colour. */
export function HeatMap({ cards }: { cards: Scorecards }) {
  const groups = byLevel(cards.checks);
  const order = new Map(cards.checks.map((check, index) => [check.id, index]));
  return (
    <div class="scroll heat" tabIndex={0} role="region" aria-label="Scorecards by check">
      <table class="rows heat-map">
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>
              {cards.by === 'team' ? 'Team' : 'Agent'}
            </th>
            <th scope="col" rowSpan={2} class="mid">
              {cards.by === 'team' ? 'Lowest level' : 'Level'}
            </th>
            {groups.map(([level, checks]) => (
              <th key={level} scope="colgroup" colSpan={checks.length} class="heat-level">
                {levelWord[level]}
              </th>
            ))}
          </tr>
          <tr>
            {groups.flatMap(([, checks]) =>
              checks.map((check, index) => (
                <th
                  key={check.id}
                  scope="col"
                  class={index === 0 ? 'heat-check first' : 'heat-check'}
                  title={check.title}
                >
                  <span>{check.title}</span>
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {cards.rows.map((row) => (
            <tr key={row.ref ?? 'nobody'}>
              <th scope="row" class="clip">
                <RowName row={row} by={cards.by} />
              </th>
              <td class="mid">
                <LevelBadge level={row.level} />
              </td>
              {groups.flatMap(([, checks]) =>
                checks.map((check, index) => (
                  <Cell
                    key={check.id}
                    row={row}
                    cell={row.cells[order.get(check.id) ?? -1]}
                    title={check.title}
                    isFirst={index === 0}
                  />
                )),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="heat-legend" aria-label="Signs">
        {(['pass', 'fail', 'no_evidence', 'exempt', 'not_applicable'] as const).map((state) => (
          <li key={state} class={`cell-${state}`}>
            <Icon name={cellIcon[state]} /> {cellWord[state]}
          </li>
        ))}
        {cards.by === 'team' && <li>3/4: agents that pass, of those it applies to</li>}
      </ul>
    </div>
  );
}

export function RowName({ row, by }: { row: ScorecardRow; by: Scorecards['by'] }) {
  if (row.ref === null) return <span class="faint">{row.title}</span>;
  // From a team to its agents, from an agent to the checks that say what to do.
  const href =
    by === 'team'
      ? `/catalog/scorecards?by=agent&owner=${encodeURIComponent(row.ref)}`
      : entityPath(row.ref, 'scorecard');
  return (
    <a href={href} data-row title={by === 'team' ? `${row.title}, ${plural(row.agents, 'agent')}` : row.ref}>
      {row.title}
    </a>
  );
}

function Cell({
  row,
  cell,
  title,
  isFirst,
}: {
  row: ScorecardRow;
  cell: ScorecardCell | undefined;
  title: string;
  isFirst: boolean;
}) {
  const place = isFirst ? ' first' : '';
  if (!cell) return <td class={`heat-cell cell-not_applicable${place}`}>–</td>;
  const state = stateOf(cell);
  return (
    <td class={`heat-cell cell-${state}${place}`} title={`${title}: ${cellWords(cell)}`}>
      {state !== 'not_applicable' && <Icon name={cellIcon[state]} />}
      <span>{cellText(cell, row.agents)}</span>
      {row.agents > 1 && <span class="hidden"> passed; {cellWords(cell)}</span>}
    </td>
  );
}
