import type { ComponentChildren } from 'preact';
import type { Estimate } from '../api/eval';
import { amount, estimateSentence, intervalText, valueText, type Domain, type Unit } from '../format/estimate';
import { Whisker } from './whisker';

/** An estimate as drawing and words; the words alone say everything. `children` are other words for the same. */
export function EstimateView({
  estimate: given,
  unit,
  domain,
  marks,
  children,
}: {
  estimate: Estimate | null;
  unit: Unit;
  domain?: Domain;
  marks?: number[];
  children?: ComponentChildren;
}) {
  if (!given) return <span class="faint">–</span>;
  // Only a difference, whose axis goes below zero, may lie there.
  const estimate = domain && domain.low < 0 ? given : amount(given, unit);
  return (
    <span class="estimate" title={estimateSentence(estimate, unit)}>
      {domain && <Whisker estimate={estimate} domain={domain} {...(marks ? { marks } : {})} />}
      <span class="estimate-text">
        {children ?? (
          <>
            <b>{valueText(estimate.value, unit)}</b> <span class="faint">{intervalText(estimate, unit)}</span>
          </>
        )}
      </span>
    </span>
  );
}
