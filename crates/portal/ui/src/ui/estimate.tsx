import type { ComponentChildren } from 'preact';
import type { Estimate } from '../api/eval';
import { estimateSentence, intervalText, valueText, type Domain, type Unit } from '../format/estimate';
import { Whisker } from './whisker';

/** An estimate as drawing and words; the words alone say everything. `children` are other words for the same. */
export function EstimateView({
  estimate,
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
  if (!estimate) return <span class="faint">–</span>;
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
