import { useEffect, useRef } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { AgentSummary, List, ModelSummary } from '../../api/shapes';
import { setQuery } from '../../location';
import { Icon } from '../../ui/icon';
import { isFiltered, SINCE, type RunFilter } from './filter';

/** Typing changes the address, and so the list, once it pauses. */
const PAUSE_MS = 200;

export function Filters({ filter }: { filter: RunFilter }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const models = useData<List<ModelSummary>>('/models').data.value?.items ?? [];
  const clear = (): void =>
    setQuery({
      q: null,
      agent: null,
      model: null,
      outcome: null,
      session: null,
      caller: null,
      source: null,
      since: null,
    });
  return (
    <div class="filters" role="search">
      <TextFilter value={filter.q} />
      <Pick
        name="outcome"
        label="Outcome"
        value={filter.outcome}
        options={[
          ['error', 'Error'],
          ['ok', 'OK'],
          ['unset', 'Ended or running'],
        ]}
      />
      <Pick name="agent" label="Agent" value={filter.agent} options={agents.map(({ agent }) => [agent, agent])} />
      <Pick name="model" label="Model" value={filter.model} options={models.map(({ model }) => [model, model])} />
      <Pick
        name="source"
        label="Source"
        value={filter.source}
        options={[
          ['gateway', 'Gateway'],
          ['sdk', 'SDK'],
          ['kernel', 'Kernel'],
        ]}
      />
      <Pick name="since" label="Any time" value={filter.since} options={SINCE.map(([id, word]) => [id, word])} />
      {filter.session && <Given name="session" value={filter.session} />}
      {filter.caller && <Given name="caller" value={filter.caller} />}
      {isFiltered(filter) && (
        <button type="button" class="button small quiet" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

function TextFilter({ value }: { value: string }) {
  const box = useRef<HTMLInputElement>(null);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => {
    // The address may change from elsewhere; text being typed is not touched.
    if (box.current && document.activeElement !== box.current) box.current.value = value;
  }, [value]);
  const onInput = (text: string): void => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setQuery({ q: text.trim() || null }), PAUSE_MS);
  };
  return (
    <div class="text-filter">
      <Icon name="search" />
      <input
        ref={box}
        type="search"
        data-filter
        aria-label="Search runs"
        placeholder="Search runs"
        defaultValue={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
    </div>
  );
}

function Pick({
  name,
  label,
  value,
  options,
}: {
  name: string;
  label: string;
  value: string;
  options: [string, string][];
}) {
  const known = value === '' || options.some(([id]) => id === value);
  return (
    <select
      class={value ? 'pick chosen' : 'pick'}
      aria-label={label}
      value={value}
      onChange={(event) => setQuery({ [name]: event.currentTarget.value || null }, true)}
    >
      <option value="">{label}</option>
      {!known && <option value={value}>{value}</option>}
      {options.map(([id, word]) => (
        <option key={id} value={id}>
          {word}
        </option>
      ))}
    </select>
  );
}

/** A filter that came by a link and has no list to choose from. */
function Given({ name, value }: { name: string; value: string }) {
  return (
    <button
      type="button"
      class="pick chosen"
      aria-label={`Remove filter ${name} ${value}`}
      onClick={() => setQuery({ [name]: null }, true)}
    >
      {name}: {value} <Icon name="cross" />
    </button>
  );
}
