import type { Estimate } from '../api/eval';
import { differenceText, estimateSentence, intervalText, valueText, type Domain, type Unit } from '../format/estimate';
import { Whisker } from './whisker';

/** An estimate as drawing and words; the words alone say everything. */
export function EstimateView({
  estimate,
  unit,
  domain,
  marks,
}: {
  estimate: Estimate | null;
  unit: Unit;
  domain?: Domain;
  marks?: number[];
}) {
  if (!estimate) return <span class="faint">–</span>;
  return (
    <span class="estimate" title={estimateSentence(estimate, unit)}>
      {domain && <Whisker estimate={estimate} domain={domain} {...(marks ? { marks } : {})} />}
      <span class="estimate-text">
        <b>{valueText(estimate.value, unit)}</b> <span class="faint">{intervalText(estimate, unit)}</span>
      </span>
    </span>
  );
}

export function DifferenceView({
  estimate,
  unit,
  domain,
  marks,
}: {
  estimate: Estimate | null;
  unit: Unit;
  domain?: Domain;
  marks?: number[];
}) {
  if (!estimate) return <span class="faint">–</span>;
  return (
    <span class="estimate" title={estimateSentence(estimate, unit)}>
      {domain && <Whisker estimate={estimate} domain={domain} {...(marks ? { marks } : {})} />}
      <span class="estimate-text">{differenceText(estimate, unit)}</span>
    </span>
  );
}
