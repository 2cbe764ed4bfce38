import type { RunSummary } from '../../api/shapes';
import { cost, costReason } from '../../format/money';
import { shownName } from '../../format/name';
import { exact, short } from '../../format/number';
import { failureWords } from '../../format/refusal';
import { duration } from '../../format/time';
import { totalTokens, usageSentence } from '../../format/words';
import { agentPath, modelPath, runPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Name } from '../../ui/name';
import { Revealed } from '../../ui/revealed';
import { RunStatus } from '../../ui/status';

/** Columns of little use where space is short are left out by the style sheet (`wide`, `mid`). */
export function RunTable({ runs, label, compact = false }: { runs: RunSummary[]; label: string; compact?: boolean }) {
  return (
    <table class={compact ? 'rows runs compact' : 'rows runs'} aria-label={label}>
      <thead>
        <tr>
          <th scope="col" class="col-status">
            Status
          </th>
          <th scope="col">Run</th>
          <th scope="col" class="col-agent mid">
            Agent
          </th>
          {!compact && (
            <th scope="col" class="col-model wide">
              Model
            </th>
          )}
          {!compact && (
            <th scope="col" class="num col-steps wide">
              Steps
            </th>
          )}
          <th scope="col" class="num col-tokens mid">
            Tokens
          </th>
          <th scope="col" class="num col-cost mid" title="Estimated from list prices">
            Cost (est.)
          </th>
          <th scope="col" class="num col-duration mid">
            Duration
          </th>
          <th scope="col" class="num col-started">
            Started
          </th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <RunRow key={run.run_id} run={run} compact={compact} />
        ))}
      </tbody>
    </table>
  );
}

/** What the columns say for which there is no room in a narrow window. */
function inShort(run: RunSummary): string {
  const price = cost(run) === 'unknown' ? 'cost unknown' : cost(run);
  return [run.agent && shownName(run.agent), price, duration(run.duration_ns)]
    .filter((text) => text && text !== '–')
    .join(' · ');
}

function RunRow({ run, compact }: { run: RunSummary; compact: boolean }) {
  const [model, ...others] = run.models;
  return (
    <tr>
      <td class="col-status">
        <RunStatus run={run} />
      </td>
      <td class="col-title">
        <div class="title-line">
          <a href={runPath(run.run_id)} data-row>
            {run.title ? <Name text={run.title} /> : <span class="mono">{run.run_id}</span>}
          </a>
          {run.error_message && (
            <span class="row-error" title={failureWords(run)}>
              <Revealed text={failureWords(run)} />
            </span>
          )}
        </div>
        <span class={run.error_message ? 'row-more bad-text' : 'row-more'}>
          <Revealed text={failureWords(run) || inShort(run)} />
        </span>
      </td>
      <td class="col-agent mid" title={run.agent ?? undefined}>
        {run.agent && (
          <a href={agentPath(run.agent)} tabIndex={-1}>
            <Name text={run.agent} />
          </a>
        )}
      </td>
      {!compact && (
        <td class="col-model wide" title={run.models.join(', ')}>
          {model && (
            <a href={modelPath(model)} tabIndex={-1}>
              <Name text={model} />
            </a>
          )}
          {others.length > 0 && <span class="faint"> +{others.length}</span>}
        </td>
      )}
      {!compact && (
        <td class="num wide" title={exact(run.steps)}>
          {short(run.steps)}
        </td>
      )}
      <td class="num mid" title={usageSentence(run.usage)}>
        {totalTokens(run.usage) > 0 ? short(totalTokens(run.usage)) : '–'}
      </td>
      <td class="num mid" title={costReason(run)}>
        {cost(run)}
      </td>
      <td class="num mid">{duration(run.duration_ns)}</td>
      <td class="num col-started">
        <Ago at={run.started_at} />
      </td>
    </tr>
  );
}
