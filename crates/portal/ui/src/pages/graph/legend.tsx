import type { Provenance } from '../../api/catalog';
import { provenanceReason, provenanceWord } from './words';

const KINDS: Provenance[] = ['declared', 'observed', 'both'];
const LENGTH = 30;

/** What colour and dash of an edge mean, in words. */
export function Legend() {
  return (
    <ul class="legend" aria-label="Who says so">
      {KINDS.map((kind) => (
        <li key={kind} title={provenanceReason[kind]}>
          <ProvenanceMark provenance={kind} />
        </li>
      ))}
    </ul>
  );
}

export function ProvenanceMark({ provenance }: { provenance: Provenance }) {
  return (
    <span class="provenance" title={provenanceReason[provenance]}>
      <svg class={`edge edge-${provenance}`} width={LENGTH} height="8" aria-hidden="true" focusable="false">
        <path d={`M0 4H${LENGTH}`} />
      </svg>
      {provenanceWord[provenance]}
    </span>
  );
}
