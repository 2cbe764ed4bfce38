import { Revealed } from './revealed';

type LineKind = 'added' | 'removed' | 'place' | 'head' | 'same';

/** Which kind of line of a unified diff this is. */
function lineKind(line: string): LineKind {
  if (line.startsWith('---') || line.startsWith('+++')) return 'head';
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}

/** A diff as the server made it. Each line keeps its sign, so that colour is never alone. */
export function Unified({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, '').split('\n');
  return (
    <pre class="unified" tabIndex={0} role="region" aria-label={label}>
      {lines.map((line, index) => (
        <span key={index} class={lineKind(line)}>
          <Revealed text={line} />
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
