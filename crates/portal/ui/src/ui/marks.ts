/** Marks that the browser tests read to check the page against its time budget. */

let marked = false;

/** The first row of a list is in the page and can be clicked. Counted once, from the start of the page. */
export function firstRowShown(): void {
  if (marked) return;
  marked = true;
  performance.mark('mizzen:first-row');
}

export function waterfallShown(): void {
  performance.mark('mizzen:waterfall');
}
