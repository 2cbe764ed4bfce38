import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { RunDetail } from '../../api/shapes';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { Choice } from '../../ui/tabs';
import { Failure, Waiting } from '../../ui/waiting';
import { rowOfSpan, rowOfStep } from './rows';
import type { Selection } from './selection';
import { SpanPages } from './span-pages';
import { TreeGrid } from './tree-grid';

interface Props {
  path: string;
  detail: RunDetail;
  selection: Selection;
}

/** Steps are what a person reads; all spans are what the machines sent. */
export function Waterfall(props: Props) {
  const { detail } = props;
  const asked = query.value.get('rows');
  const rows = asked === 'spans' || asked === 'steps' ? asked : detail.steps.length > 0 ? 'steps' : 'spans';
  const choose = (next: 'steps' | 'spans'): void => setQuery({ rows: next });
  const switcher = (
    <Choice
      label="Rows"
      choices={[
        ['steps', `Steps ${exact(detail.summary.steps)}`],
        ['spans', `All spans ${exact(detail.summary.spans)}`],
      ]}
      chosen={rows}
      choose={choose}
    />
  );
  return rows === 'steps' ? <Steps {...props} tools={switcher} /> : <Spans {...props} tools={switcher} />;
}

function Steps({ detail, selection, tools }: Props & { tools: preact.ComponentChildren }) {
  const depths = useMemo(() => detail.steps.map((step) => step.depth), [detail.steps]);
  const note = detail.truncated
    ? `The first ${plural(detail.steps.length, 'step')} of ${exact(detail.steps_total)}; all spans has the rest.`
    : '';
  return (
    <TreeGrid
      label="Steps of the run"
      depths={depths}
      total={detail.steps.length}
      idAt={(index) => detail.steps[index]?.span_id ?? ''}
      rowAt={(index) => {
        const step = detail.steps[index];
        return step ? rowOfStep(step) : null;
      }}
      durationNs={detail.summary.duration_ns}
      openTo={detail.first_error ?? null}
      selection={selection}
      tools={tools}
      note={note}
    />
  );
}

function Spans({ path, detail, selection, tools }: Props & { tools: preact.ComponentChildren }) {
  const { revision, spans: count } = detail.summary;
  // A new revision or more spans of a live run: read anew, since places in the tree may have changed.
  const pages = useMemo(() => new SpanPages(path), [path, revision, count]);
  useEffect(() => {
    void pages.load();
    return () => pages.stop();
  }, [pages]);
  const steps = useMemo(() => new Map(detail.steps.map((step) => [step.span_id, step])), [detail.steps]);
  // While a live run is read again, what was read before stays on screen.
  const shown = useRef(pages);
  if (pages.isComplete.value || !shown.current.isComplete.value) shown.current = pages;
  const spans = shown.current.spans.value;
  const depths = useMemo(() => spans.map((span) => span.depth), [spans]);
  const total = shown.current.total.value;
  if (pages.error.value) return <Failure error={pages.error.value} />;
  if (total === undefined) return <Waiting rows={12} />;
  return (
    <TreeGrid
      label="Spans of the run"
      depths={depths}
      total={total}
      idAt={(index) => spans[index]?.span_id ?? ''}
      rowAt={(index) => {
        const span = spans[index];
        return span ? rowOfSpan(span, steps.get(span.span_id), detail.summary.service) : null;
      }}
      durationNs={detail.summary.duration_ns}
      openTo={detail.first_error ?? null}
      selection={selection}
      tools={tools}
      note={spans.length < total ? `Reading ${exact(spans.length)} of ${exact(total)}` : ''}
    />
  );
}
