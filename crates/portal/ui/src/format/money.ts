import { plural } from './number';

/** Cost is an estimate from list prices. A call without a known price makes it a lower bound, never zero. */

export interface Priced {
  cost_usd?: number | null;
  unpriced_calls?: number;
}

export function dollars(value: number): string {
  if (value === 0) return '$0';
  if (value < 0.000_01) return '< $0.00001';
  // Two digits that mean something, down to a hundred-thousandth of a dollar.
  if (value < 0.1) return `$${Number(value.toPrecision(2)).toFixed(Math.min(5, 1 - Math.floor(Math.log10(value))))}`;
  if (value < 10_000) return `$${value.toFixed(2)}`;
  return `$${Math.round(value).toLocaleString('en-US')}`;
}

export function cost({ cost_usd, unpriced_calls = 0 }: Priced): string {
  if (cost_usd === null || cost_usd === undefined) return unpriced_calls > 0 ? 'unknown' : '–';
  return unpriced_calls > 0 ? `≥ ${dollars(cost_usd)}` : dollars(cost_usd);
}

/** What the number rests on, for a line below it. */
export function priceNote({ unpriced_calls = 0 }: Priced): string {
  return unpriced_calls > 0 ? `${plural(unpriced_calls, 'call')} unpriced` : 'list prices';
}

/** Why the number reads as it does, for a `title`. */
export function costReason({ cost_usd, unpriced_calls = 0 }: Priced): string {
  const calls = unpriced_calls === 1 ? '1 call used a model' : `${unpriced_calls} calls used models`;
  if (unpriced_calls > 0) return `${calls} without a known price`;
  if (cost_usd === null || cost_usd === undefined) return 'No priced model call';
  return 'Estimated from list prices';
}
