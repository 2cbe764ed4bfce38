import type { Totals as TotalsShape } from '../../api/shapes';
import { shareWithExact } from '../../format/interval';
import { cost, costReason, priceNote } from '../../format/money';
import { exact, plural, short } from '../../format/number';
import { Figure } from '../../ui/figure';

export function Totals({ totals }: { totals: TotalsShape }) {
  const tokens = totals.input_tokens + totals.output_tokens;
  // Too many runs to add up: what was counted is a lower bound, and says so.
  const atLeast = totals.complete ? '' : '≥ ';
  const price = cost(totals);
  return (
    <section class="totals" aria-label="The last 24 hours">
      <Figure name="Runs" value={atLeast + exact(totals.runs)} note="last 24 hours" />
      <Figure
        name="Failed"
        value={atLeast + exact(totals.errors)}
        note={<ErrorRate errors={totals.errors} runs={totals.runs} />}
        bad={totals.errors > 0}
      />
      <Figure
        name="Tokens"
        value={atLeast + short(tokens)}
        note={`${short(totals.input_tokens)} in · ${short(totals.output_tokens)} out`}
        title={exact(tokens)}
      />
      <Figure
        name="Cost (est.)"
        value={price.startsWith('$') ? atLeast + price : price}
        note={priceNote(totals)}
        title={costReason(totals)}
      />
      <Figure
        name="Model calls"
        value={atLeast + short(totals.model_calls)}
        note={plural(totals.tool_calls, 'tool call')}
      />
    </section>
  );
}

/** The share with its interval: few runs prove little. */
function ErrorRate({ errors, runs }: { errors: number; runs: number }) {
  return (
    <span title="Share of runs, with its exact 95% interval (Clopper–Pearson)">{shareWithExact(errors, runs)}</span>
  );
}
