import { useData } from '../../api/cache';
import type { CheckRule, Scorecards } from '../../api/catalog-shapes';
import type { List } from '../../api/shapes';
import { levelWord } from '../../format/catalog';
import { exact, plural } from '../../format/number';
import { Ticked } from '../../ui/ticked';
import { toFix } from './words';

const SHOWN = 8;

/** What holds most agents back, and what to do about it. */
export function Fix({ cards }: { cards: Scorecards }) {
  const rules = useData<List<CheckRule>>('/catalog/checks');
  const byId = new Map(rules.data.value?.items.map((rule) => [rule.id, rule]));
  const found = toFix(cards).slice(0, SHOWN);
  if (found.length === 0) return null;
  return (
    <section class="block" aria-labelledby="to-fix">
      <h2 id="to-fix">What to do next</h2>
      <ol class="fixes">
        {found.map(({ check, fail, lacking }) => (
          <li key={check.id}>
            <div class="fix-head">
              <b>{check.title}</b>
              <span class="chip">{levelWord[check.level]}</span>
              {check.own && <span class="chip">your own</span>}
              <span class="faint">
                {[
                  fail > 0 ? `${plural(fail, 'agent')} failed` : '',
                  lacking > 0 ? `${exact(lacking)} without evidence` : '',
                ]
                  .filter(Boolean)
                  .join(', ')}
              </span>
            </div>
            {byId.get(check.id) && (
              <p>
                <Ticked text={byId.get(check.id)?.fix ?? ''} />
              </p>
            )}
            {byId.get(check.id)?.why && (
              <p class="faint">
                Why: <Ticked text={byId.get(check.id)?.why ?? ''} />
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
