import { callerName } from '../format/name';
import { Name } from './name';

/** Who asked: the agent where one is known, else the name in the caller's reference, which the tooltip has whole. */
export function Caller({ agent, reference }: { agent?: string | null; reference: string }) {
  return (
    <span title={reference}>
      <Name text={agent ?? callerName(reference)} />
    </span>
  );
}
