import { useData } from '../../api/cache';
import type { AgentSummary, List, ModelSummary } from '../../api/shapes';
import { setQuery } from '../../location';
import { Given, Pick, SincePick, TextFilter } from '../../ui/filter';
import { FILTER_NAMES, isFiltered, type RunFilter } from './filter';

export function Filters({ filter }: { filter: RunFilter }) {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const models = useData<List<ModelSummary>>('/models').data.value?.items ?? [];
  const clear = (): void => setQuery(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])), true);
  return (
    <div class="filters" role="search">
      <TextFilter name="q" label="Search runs" value={filter.q} />
      <Pick
        name="outcome"
        label="Status"
        value={filter.outcome}
        options={[
          ['error', 'Error, refused or held'],
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
      <SincePick value={filter.since} />
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
