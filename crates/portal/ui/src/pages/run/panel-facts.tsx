import type { ComponentChildren } from 'preact';
import type { SpanDetail, StepView } from '../../api/shapes';
import { cost, costReason, dollars } from '../../format/money';
import { exact, percent, plural } from '../../format/number';
import { duration, instant, offset } from '../../format/time';
import { sourceReason, totalTokens } from '../../format/words';
import { agentPath, decisionPath, modelPath } from '../../router';
import { Copy } from '../../ui/copy';
import { Name } from '../../ui/name';
import { SourceChip } from '../../ui/status';

/** Facts known from the run come at once; those of the span follow in the same list. */
export function PanelFacts({ step, span }: { step: StepView | undefined; span: SpanDetail | undefined }) {
  const either = step ?? span;
  if (!either) return null;
  const usage = either.usage ?? null;
  const decision = span ? decisionOf(span) : null;
  return (
    <dl class="facts">
      <Fact name="Time">
        {duration(either.duration_ns)}
        {step && <span class="faint"> at {offset(step.offset_ns)}</span>}
      </Fact>
      {usage && totalTokens(usage) > 0 && (
        <>
          <Fact name="Input">
            {plural(usage.input_tokens, 'token')}
            {usage.cache_read_tokens > 0 && <span class="faint"> · {exact(usage.cache_read_tokens)} cached</span>}
            {usage.cache_write_tokens > 0 && (
              <span class="faint"> · {exact(usage.cache_write_tokens)} written to cache</span>
            )}
          </Fact>
          <Fact name="Output">
            {plural(usage.output_tokens, 'token')}
            {usage.reasoning_tokens > 0 && <span class="faint"> · {exact(usage.reasoning_tokens)} reasoning</span>}
          </Fact>
        </>
      )}
      {usage && (
        <Fact name="Cost (est.)">
          {either.cost_usd == null ? (
            <span title="The model has no known price">unknown</span>
          ) : (
            dollars(either.cost_usd)
          )}
        </Fact>
      )}
      {step && step.subtree.steps > 1 && <Subtree step={step} />}
      {either.model && (
        <Fact name="Model">
          <a href={modelPath(either.model)}>
            <Name text={either.model} />
          </a>
          {either.provider && <span class="faint"> · {either.provider}</span>}
        </Fact>
      )}
      {either.agent && (
        <Fact name="Agent">
          <a href={agentPath(either.agent)}>
            <Name text={either.agent} />
          </a>
        </Fact>
      )}
      {either.tool && (
        <Fact name="Tool">
          <Name text={either.tool} />
        </Fact>
      )}
      <Fact name="Source">
        <SourceChip source={either.source} /> <span class="faint">{sourceReason[either.source]}</span>
      </Fact>
      {either.error_type && (
        <Fact name="Error type">
          <code>{either.error_type}</code>
        </Fact>
      )}
      {decision && (
        <Fact name="Decision">
          <a href={decisionPath(decision)}>{decision}</a>
        </Fact>
      )}
      {either.sampling_fraction < 1 && (
        <Fact name="Sampled">{percent(either.sampling_fraction)} of such spans were kept by the sender</Fact>
      )}
      {span?.service && <Fact name="Service">{span.service}</Fact>}
      <Fact name="Started">{instant(either.started_at)}</Fact>
      <Id name="Span" value={either.span_id} />
      <Id name="Trace" value={either.trace_id} />
      {either.response_id && <Id name="Response" value={either.response_id} />}
    </dl>
  );
}

/** What let the call go on or refused it, as the gateway notes it. */
function decisionOf({ source, attributes }: SpanDetail): string | null {
  const id = (attributes as Record<string, unknown> | null)?.['mizzen.decision.id'];
  return source === 'gateway' && typeof id === 'string' ? id : null;
}

function Subtree({ step }: { step: StepView }) {
  const { subtree } = step;
  const tokens = totalTokens(subtree.usage);
  return (
    <Fact name="With all below">
      {plural(subtree.steps, 'step')}
      {tokens > 0 && ` · ${plural(tokens, 'token')}`}
      {(subtree.cost_usd != null || subtree.unpriced_calls > 0) && (
        <span title={costReason(subtree)}> · {cost(subtree)}</span>
      )}
      {subtree.errors > 0 && <span class="bad-text"> · {plural(subtree.errors, 'error')}</span>}
    </Fact>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Id({ name, value }: { name: string; value: string }) {
  return (
    <Fact name={name}>
      <span class="id">
        <code>{value}</code>
        <Copy text={value} label={`Copy the ${name.toLowerCase()} id`} />
      </span>
    </Fact>
  );
}
