import type { Totals as TotalsShape } from '../../api/shapes';
import { shareWithInterval } from '../../format/interval';
import { cost, costReason } from '../../format/money';
import { exact, short } from '../../format/number';
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
        note={totals.unpriced_calls > 0 ? `${short(totals.unpriced_calls)} calls unpriced` : 'list prices'}
        title={costReason(totals)}
      />
      <Figure
        name="Model calls"
        value={atLeast + short(totals.model_calls)}
        note={`${short(totals.tool_calls)} tool calls`}
      />
    </section>
  );
}

/** The share with its interval: few runs prove little. */
function ErrorRate({ errors, runs }: { errors: number; runs: number }) {
  return <span title="Share of runs, with its 95% interval (Wilson)">{shareWithInterval(errors, runs)}</span>;
}
