import type { ToolDefinition } from '../../api/tools';
import { instant } from '../../format/time';
import { Diff } from '../../ui/diff';
import { Icon } from '../../ui/icon';
import { Revealed } from '../../ui/revealed';
import { shortDigest } from '../eval/words';
import { descriptionOf, findingWord, printed } from './words';
import { Ticked } from '../../ui/ticked';

/** The approved definition beside what the server says now: what an approver must see before pinning it. */
export function Definition({ definition }: { definition: ToolDefinition }) {
  const { pinned, current, findings, withheld, changes } = definition;
  return (
    <div class="definition">
      {withheld && withheld.reason !== 'unapproved' && (
        <p class="error-text">
          <Icon name="alert" /> <Ticked text={withheld.detail} />
        </p>
      )}
      {findings.length > 0 && (
        <ul class="findings">
          {findings.map((finding) => (
            <li key={`${finding.kind}:${finding.other}`}>
              <Icon name="alert" />
              <span>
                <b>{findingWord[finding.kind]}</b>: <Ticked text={finding.detail} />
                {finding.other && (
                  <>
                    {' '}
                    (<code>{finding.other}</code>)
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      {changes.length > 0 && (
        <p class="faint">
          Changed: {changes.map(({ path }) => path.replace(/^\//, '').replaceAll('/', '.')).join(', ')}
        </p>
      )}
      {pinned && current && printed(pinned) !== printed(current) ? (
        <Diff
          before={printed(pinned)}
          after={printed(current)}
          names={[
            `Approved ${shortDigest(definition.pin?.digest ?? '')}`,
            `Now ${shortDigest(definition.digest ?? '')}`,
          ]}
          label="Approved and current definition side by side"
        />
      ) : (
        <Alone definition={definition} />
      )}
    </div>
  );
}

function Alone({ definition: { pinned, current, pin, digest } }: { definition: ToolDefinition }) {
  const shown = current ?? pinned;
  const description = descriptionOf(shown);
  const words = current
    ? pin
      ? `Approved by ${pin.approved_by}, ${instant(pin.approved_at)}, and unchanged since.`
      : 'Nobody has approved it yet.'
    : 'The server offers it no more; this is what was approved.';
  return (
    <>
      <p class="faint">
        {words} <code>{shortDigest(digest ?? pin?.digest ?? '')}</code>
      </p>
      {description && (
        <p class="definition-words">
          <Revealed text={description} />
        </p>
      )}
      <pre class="compiled" tabIndex={0} role="region" aria-label="Definition">
        <Revealed text={printed(shown)} />
      </pre>
    </>
  );
}
