import { useEffect, useRef, useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { RunDetail, SpanDetail, StepView } from '../../api/shapes';
import { kindWord } from '../../format/words';
import { Copy } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { Name } from '../../ui/name';
import { KindIcon, Status } from '../../ui/status';
import { Failure, Waiting } from '../../ui/waiting';
import { ContentSections } from './panel-content';
import { PanelFacts } from './panel-facts';
import { stepLabel } from './rows';
import type { Selection } from './selection';

interface Props {
  path: string;
  detail: RunDetail;
  selection: Selection;
}

/** With j held down only the row one stops at is read. */
const SETTLE_MS = 80;

/** Everything about the chosen step. Its payload is read when it is chosen, never with the run. */
export function Panel(props: Props) {
  const chosen = props.selection.spanId.value;
  const [settled, setSettled] = useState(chosen);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(chosen), SETTLE_MS);
    return () => window.clearTimeout(timer);
  }, [chosen]);
  if (chosen === null) return null;
  // The address says so when a person chose; what was only suggested does not cover a narrow screen.
  return (
    <aside class={props.selection.isGiven() ? 'panel given' : 'panel'} aria-label="Selected step">
      {settled !== null && <Selected key={settled} spanId={settled} {...props} />}
    </aside>
  );
}

function Selected({ path, detail, selection, spanId }: Props & { spanId: string }) {
  const resource = useData<SpanDetail>(`${path}/spans/${spanId}`);
  const step = detail.steps.find((known) => known.span_id === spanId);
  const span = resource.data.value;
  const body = useRef<HTMLDivElement>(null);
  return (
    <>
      <Head step={step} span={span} close={() => selection.close()} />
      <div class="panel-body" ref={body} tabIndex={0} role="region" aria-label="Details of the step">
        {step?.counted_as && <TwinNote countedAs={step.counted_as} selection={selection} />}
        <PanelFacts step={step} span={span} />
        {span ? (
          <ContentSections span={span} step={step} />
        ) : resource.error.value ? (
          <Failure error={resource.error.value} retry={() => void resource.reload()} />
        ) : (
          <Waiting rows={5} />
        )}
      </div>
    </>
  );
}

function Head({ step, span, close }: { step: StepView | undefined; span: SpanDetail | undefined; close: () => void }) {
  const kind = step?.kind ?? span?.step ?? null;
  const title = step ? stepLabel(step) : (span?.name ?? '');
  const outcome = step?.outcome ?? span?.outcome;
  return (
    <header class="panel-head">
      <div>
        <span class="panel-kind">
          <KindIcon kind={kind} /> {kind ? kindWord[kind] : 'Span'}
        </span>
        {outcome && outcome !== 'unset' && <Status outcome={outcome} />}
        <span class="spacer" />
        {span && <Copy text={() => JSON.stringify(span, null, 2)} label="Copy the step as JSON" />}
        <button type="button" class="icon-button" aria-label="Close the panel" title="Close (Esc)" onClick={close}>
          <Icon name="cross" />
        </button>
      </div>
      <h2 title={title}>
        <Name text={title} />
      </h2>
    </header>
  );
}

/** Why a step counts for nothing in the totals. */
function TwinNote({ countedAs, selection }: { countedAs: string; selection: Selection }) {
  return (
    <p class="note-box">
      The same call was also seen nearer to the truth, so it counts there and not here.{' '}
      <button type="button" class="link" onClick={() => selection.select(countedAs)}>
        Show the counted step
      </button>
    </p>
  );
}
