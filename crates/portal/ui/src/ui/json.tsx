import { useState } from 'preact/hooks';
import { tokens } from '../format/json';
import { bytes } from '../format/number';
import { Copy } from './copy';
import { Revealed } from './revealed';

/** More than this is shown on demand: a megabyte of tokens would stall the page. */
const SHOWN_CHARACTERS_MAX = 6_000;

export function Json({ value, label }: { value: unknown; label: string }) {
  const [all, setAll] = useState(false);
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const cut = !all && text.length > SHOWN_CHARACTERS_MAX;
  const shown = cut ? text.slice(0, SHOWN_CHARACTERS_MAX) : text;
  return (
    <div class="code-block">
      <pre tabIndex={0} role="region" aria-label={label}>
        {typeof value === 'string' ? (
          // The line ends of Windows hide nothing.
          <Revealed text={shown.replaceAll('\r\n', '\n')} />
        ) : (
          tokens(shown).map(([kind, piece], index) => {
            const seen = <Revealed key={index} text={piece} />;
            return kind ? (
              <span key={index} class={`json-${kind}`}>
                {seen}
              </span>
            ) : (
              seen
            );
          })
        )}
        {cut && '…'}
      </pre>
      <Copy text={text} label={`Copy ${label.toLowerCase()}`} />
      {cut && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          Show all {bytes(text.length)}
        </button>
      )}
    </div>
  );
}
