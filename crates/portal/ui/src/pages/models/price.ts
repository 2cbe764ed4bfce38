import type { ModelSummary } from '../../api/shapes';
import { dollars } from '../../format/money';

/** A list price per million tokens, with two digits at least: `$2.50`, `$0.075`. */
export function perMillion(price: number): string {
  return `$${price.toFixed(Math.abs(price * 100 - Math.round(price * 100)) < 1e-9 ? 2 : 3)}`;
}

/** A model without a price has an unknown cost, never none. */
export function costOf(model: ModelSummary): string {
  return model.cost_usd === null || model.cost_usd === undefined ? 'unknown' : dollars(model.cost_usd);
}
