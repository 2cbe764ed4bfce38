import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { RunSelector } from '../../api/eval';
import type { AgentSummary, List, ModelSummary, RunPage } from '../../api/shapes';
import { Field } from '../../ui/field';
import { SINCE } from '../../format/since';

const DAY = 86_400_000;

/** What the fields say; `since` is a span back from now, made an instant when the form is sent. */
interface Selected {
  agent: string;
  model: string;
  outcome: string;
  q: string;
  since: string;
}

export function selectedFrom(query: URLSearchParams): Selected {
  const read = (name: string): string => query.get(name) ?? '';
  return { agent: read('agent'), model: read('model'), outcome: read('outcome'), q: read('q'), since: read('since') };
}

/** Evidence takes whole days (UTC): a shorter span could be one that is known to have gone well. */
function begin(at: number, back: number): number {
  return back < DAY ? at : at - (at % DAY);
}

export function selectorOf({ agent, model, outcome, q, since }: Selected, now: number): RunSelector {
  const back = SINCE.find(([id]) => id === since)?.[2];
  const from = back === undefined ? null : new Date(begin(now - back, back)).toISOString();
  const selector = { agent, model, outcome, q: q.trim(), from };
  return Object.fromEntries(Object.entries(selector).filter(([, value]) => value));
}

/** Which runs: the same filters as the list of runs, and the way to look at them there. */
export function SelectorFields({ value, onChange }: { value: Selected; onChange: (next: Selected) => void }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const models = useData<List<ModelSummary>>('/models').data.value?.items ?? [];
  const set = (name: keyof Selected) => (text: string) => onChange({ ...value, [name]: text });
  return (
    <fieldset class="fields">
      <legend>Runs</legend>
      <Picked
        label="Agent"
        all="Any agent"
        value={value.agent}
        set={set('agent')}
        options={agents.map(({ agent }) => [agent, agent])}
      />
      <Picked
        label="Model"
        all="Any model"
        value={value.model}
        set={set('model')}
        options={models.map(({ model }) => [model, model])}
      />
      <Picked
        label="Outcome"
        all="Any outcome"
        value={value.outcome}
        set={set('outcome')}
        options={[
          ['ok', 'OK'],
          ['error', 'Error'],
          ['unset', 'Ended without one'],
        ]}
      />
      <Picked
        label="Time"
        all="All of time"
        value={value.since}
        set={set('since')}
        options={SINCE.map(([id, word]) => [id, word])}
      />
      <Search value={value.q} set={set('q')} />
      <Found value={value} />
    </fieldset>
  );
}

function Picked({
  label,
  all,
  value,
  set,
  options,
}: {
  label: string;
  all: string;
  value: string;
  set: (text: string) => void;
  options: [string, string][];
}) {
  const known = value === '' || options.some(([id]) => id === value);
  return (
    <Field label={label}>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        <option value="">{all}</option>
        {!known && <option value={value}>{value}</option>}
        {options.map(([id, word]) => (
          <option key={id} value={id}>
            {word}
          </option>
        ))}
      </select>
    </Field>
  );
}

function Search({ value, set }: { value: string; set: (text: string) => void }) {
  return (
    <Field label="Text">
      <input value={value} placeholder="in title, agent or id" onChange={(event) => set(event.currentTarget.value)} />
    </Field>
  );
}

/** So that nobody evaluates an empty selection unknowingly. */
function Found({ value }: { value: Selected }) {
  const [at] = useState(Date.now());
  const { from, ...rest } = selectorOf(value, at) as Record<string, string>;
  const page = useData<RunPage>(withQuery('/runs', { ...rest, from, limit: 1 })).data.value;
  const link = withQuery('/runs', { ...rest, since: value.since });
  return (
    <p class="found" role="status">
      {page && page.items.length === 0 ? (
        <span class="bad-text">No run matches.</span>
      ) : (
        <a href={link}>Look at these runs</a>
      )}
    </p>
  );
}
