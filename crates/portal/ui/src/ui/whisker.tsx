import type { Estimate } from '../api/eval';
import { placed, type Domain } from '../format/estimate';

const WIDTH = 120;
const HEIGHT = 16;
const MIDDLE = HEIGHT / 2;
const CAP = 3.5;
/** Room at both ends, so that a cap at the edge is drawn whole. */
const EDGE = 2;

/**
 * An estimate as a bar with whiskers, or around zero as a dot. Decoration: the number with its interval is always
 * beside it.
 */
export function Whisker({
  estimate,
  domain,
  marks = [],
}: {
  estimate: Estimate;
  domain: Domain;
  /** Lines to compare with: a threshold, a margin. */
  marks?: number[];
}) {
  const x = (value: number): number => EDGE + placed(value, domain) * (WIDTH - 2 * EDGE);
  const { value, lower, upper } = estimate;
  const zero = x(Math.max(0, domain.low));
  const aroundZero = domain.low < 0;
  return (
    <svg class="whisker" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line class="whisker-axis" x1={EDGE} x2={WIDTH - EDGE} y1={MIDDLE} y2={MIDDLE} />
      {aroundZero && <line class="whisker-zero" x1={zero} x2={zero} y1={0} y2={HEIGHT} />}
      {marks.map((mark) => (
        <line key={mark} class="whisker-mark" x1={x(mark)} x2={x(mark)} y1={1} y2={HEIGHT - 1} />
      ))}
      {!aroundZero && (
        <rect class="whisker-bar" x={zero} y={MIDDLE - 3} width={Math.max(0, x(value) - zero)} height={6} />
      )}
      {lower !== null && upper !== null && (
        <path
          class="whisker-range"
          d={`M${x(lower)} ${MIDDLE}H${x(upper)}M${x(lower)} ${MIDDLE - CAP}v${2 * CAP}M${x(upper)} ${MIDDLE - CAP}v${2 * CAP}`}
        />
      )}
      <circle class="whisker-dot" cx={x(value)} cy={MIDDLE} r={2.6} />
    </svg>
  );
}
