import type { Scorecards } from '../../api/catalog-shapes';
import { levelWord } from '../../format/catalog';
import { exact } from '../../format/number';
import { LevelBadge } from '../../ui/catalog';
import { RowName } from './heat-map';

/** The heat map in words: one line for each row and check. */
export function CardsTable({ cards }: { cards: Scorecards }) {
  return (
    <table class="rows cards-table" aria-label="Scorecards as a table">
      <thead>
        <tr>
          <th scope="col">{cards.by === 'team' ? 'Team' : 'Agent'}</th>
          <th scope="col" class="mid">
            Level
          </th>
          <th scope="col">Check</th>
          <th scope="col" class="mid">
            Of level
          </th>
          <th scope="col" class="num">
            Passed
          </th>
          <th scope="col" class="num">
            Failed
          </th>
          <th scope="col" class="num" title="No evidence">
            None
          </th>
          <th scope="col" class="num wide">
            Exempt
          </th>
          <th scope="col" class="num wide">
            Does not apply
          </th>
        </tr>
      </thead>
      <tbody>
        {cards.rows.flatMap((row) =>
          row.cells.map((cell, index) => (
            <tr key={`${row.ref}:${cell.check}`}>
              <td class="clip">
                <RowName row={row} by={cards.by} />
              </td>
              <td class="mid">
                <LevelBadge level={row.level} />
              </td>
              <td class="clip">{cards.checks[index]?.title ?? cell.check}</td>
              <td class="mid">{cards.checks[index] && levelWord[cards.checks[index].level]}</td>
              <td class="num">{exact(cell.pass)}</td>
              <td class="num">{exact(cell.fail)}</td>
              <td class="num">{exact(cell.no_evidence)}</td>
              <td class="num wide">{exact(cell.exempt)}</td>
              <td class="num wide">{exact(cell.not_applicable)}</td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  );
}
