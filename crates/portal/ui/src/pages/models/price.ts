/** A list price per million tokens, with two digits at least: `$2.50`, `$0.075`. */
export function perMillion(price: number): string {
  return `$${price.toFixed(Math.abs(price * 100 - Math.round(price * 100)) < 1e-9 ? 2 : 3)}`;
}
