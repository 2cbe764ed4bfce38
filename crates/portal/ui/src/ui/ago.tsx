import { ago, instant } from '../format/time';
import { now } from './now';

export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={instant(at)}>
      {ago(at, now.value)}
    </time>
  );
}
