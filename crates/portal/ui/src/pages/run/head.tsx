import { useState } from 'preact/hooks';
import { ApiError, send } from '../../api/client';
import { may } from '../../api/session';
import type { RunDetail, RunSummary } from '../../api/shapes';
import { cost, costReason } from '../../format/money';
import { exact, plural, short } from '../../format/number';
import { duration, instant } from '../../format/time';
import { totalTokens, usageSentence } from '../../format/words';
import { navigate } from '../../location';
import { agentPath, modelPath } from '../../router';
import { announcement } from '../../shell/overlays';
import { Ago } from '../../ui/ago';
import { Copy } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Name } from '../../ui/name';
import { RunStatus } from '../../ui/status';
import { RunFailure } from './refused';
import { MarkAsGolden } from '../eval/golden';
import { forgetLists } from '../runs/run-list';

/** What the run was and cost, in one line that wraps. */
export function RunFacts({ detail }: { detail: RunDetail }) {
  const { summary } = detail;
  return (
    <>
      <dl class="run-facts">
        {summary.agent && (
          <Fact name="Agent">
            <a class="clipped" href={agentPath(summary.agent)} title={summary.agent}>
              <Name text={summary.agent} />
            </a>
          </Fact>
        )}
        <Fact name="Duration">{duration(summary.duration_ns)}</Fact>
        <Fact
          name="Steps"
          title={`${plural(summary.model_calls, 'model call')}, ${plural(summary.tool_calls, 'tool call')}, ${plural(summary.spans, 'span')}`}
        >
          {exact(summary.steps)}
          {summary.errors > 0 && <span class="bad-text"> · {plural(summary.errors, 'error')}</span>}
        </Fact>
        <Tokens summary={summary} />
        <Fact name="Cost (est.)" title={costReason(summary)}>
          {cost(summary)}
        </Fact>
        {summary.models.length > 0 && (
          <Fact name={summary.models.length === 1 ? 'Model' : 'Models'}>
            {summary.models.map((model, index) => (
              <span key={model}>
                {index > 0 && ', '}
                <a class="clipped" href={modelPath(model)} title={model}>
                  <Name text={model} />
                </a>
              </span>
            ))}
          </Fact>
        )}
        {summary.session && (
          <Fact name="Session">
            <a
              class="clipped short"
              href={`/runs?session=${encodeURIComponent(summary.session)}`}
              title={summary.session}
            >
              <Name text={summary.session} />
            </a>
          </Fact>
        )}
        {summary.caller && (
          <Fact name="Key" title="The key or token that its calls came with">
            <a class="clipped" href={`/runs?caller=${encodeURIComponent(summary.caller)}`} title={summary.caller}>
              <Name text={summary.caller} />
            </a>
          </Fact>
        )}
        <Fact name="Started" title={instant(summary.started_at)}>
          <Ago at={summary.started_at} />
        </Fact>
      </dl>
      {summary.error_message && <RunFailure summary={summary} />}
    </>
  );
}

function Tokens({ summary: { usage } }: { summary: RunSummary }) {
  if (totalTokens(usage) === 0) return null;
  const within = [
    usage.cache_read_tokens > 0 ? ` · ${short(usage.cache_read_tokens)} cached` : '',
    usage.reasoning_tokens > 0 ? ` · ${short(usage.reasoning_tokens)} reasoning` : '',
  ].join('');
  return (
    <Fact name="Tokens" title={usageSentence(usage)}>
      {short(totalTokens(usage))}{' '}
      <span class="faint">
        {short(usage.input_tokens)} in · {short(usage.output_tokens)} out<span class="widest">{within}</span>
      </span>
    </Fact>
  );
}

export function RunActions({ summary, path }: { summary: RunSummary; path: string }) {
  return (
    <div class="actions">
      <RunStatus run={summary} />
      <span
        class="badge"
        title={summary.is_final ? 'Its root ended and nothing came for the quiet time' : 'More spans may still come'}
      >
        {summary.is_final ? 'final' : 'live'} · revision {summary.revision}
      </span>
      {summary.confinement && (
        <span
          class={summary.confinement === 'unconfined' ? 'badge warn' : 'badge'}
          title="Whether something confined the agent's process"
        >
          <Icon name={summary.confinement === 'unconfined' ? 'alert' : 'guardrail'} /> {summary.confinement}
        </span>
      )}
      <MarkAsGolden run={summary} />
      <Copy text={summary.run_id} label="Copy the run id" word="Run id" />
      <Delete path={path} />
    </div>
  );
}

/** Deleting reaches the stored segments and cannot be undone, so it is the one thing that asks first. */
function Delete({ path }: { path: string }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState('');
  if (!may('developer')) return null;
  const remove = async (): Promise<void> => {
    try {
      await send('DELETE', path);
      forgetLists();
      announcement.value = 'Run deleted';
      navigate('/runs');
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    }
  };
  if (!asking) {
    return (
      <button
        type="button"
        class="icon-button"
        aria-label="Delete this run"
        title="Delete this run"
        onClick={() => setAsking(true)}
      >
        <Icon name="trash" />
      </button>
    );
  }
  return (
    <span class="asking" role="group" aria-label="Delete this run?">
      {problem || 'Delete for good?'}
      <button type="button" class="button small danger" onClick={remove}>
        Delete
      </button>
      <button type="button" class="button small" autofocus onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}
