import '../../styles/graph.css';
import { useRef } from 'preact/hooks';
import { useData } from '../../api/cache';
import { entityApi } from '../../api/catalog';
import type { EntityGraph, GraphDirection } from '../../api/catalog-shapes';
import { withQuery } from '../../api/client';
import { query, setQuery } from '../../location';
import { Drawing } from '../../ui/drawing';
import { Loaded } from '../../ui/loaded';
import { Choice } from '../../ui/tabs';
import { Drawn } from './drawn';
import { ImpactList } from './impact';
import { Legend } from './legend';
import { GraphTable } from './table';
import { DEPTH_DEFAULT, DEPTHS, DIRECTIONS, extentWords } from './words';

/** What an entity depends on and what depends on it, and what breaks if it goes. */
export default function Dependencies({ reference }: { reference: string }) {
  const direction = DIRECTIONS.find(([id]) => id === query.value.get('direction'))?.[0] ?? 'both';
  const depth = DEPTHS.find(([id]) => id === query.value.get('depth'))?.[0] ?? DEPTH_DEFAULT;
  const graph = useData<EntityGraph>(withQuery(entityApi(reference, '/graph'), { depth, direction }));
  // While another part is read, what is shown stays where it is.
  const last = useRef<EntityGraph | undefined>(undefined);
  last.current = graph.data.value ?? (graph.error.value ? undefined : last.current);
  const shown = last.current;
  return (
    <div class="dependencies">
      {shown ? (
        <section class="graph-block" aria-label="Dependency graph">
          <Drawing
            graph={shown}
            label="Dependency graph"
            says="What depends on what, from left to right"
            drawn={<Drawn graph={shown} />}
            table={<GraphTable graph={shown} />}
            tools={<Scope direction={direction} depth={depth} />}
          />
          <div class="graph-foot">
            <p>{extentWords(shown)}</p>
            <Legend />
          </div>
        </section>
      ) : (
        <Loaded resource={graph}>{() => null}</Loaded>
      )}
      <ImpactList reference={reference} />
    </div>
  );
}

function Scope({ direction, depth }: { direction: GraphDirection; depth: string }) {
  return (
    <>
      <Choice
        label="Direction"
        choices={DIRECTIONS}
        chosen={direction}
        choose={(next) => setQuery({ direction: next === 'both' ? null : next })}
      />
      <Choice
        label="Depth"
        choices={DEPTHS}
        chosen={depth}
        choose={(next) => setQuery({ depth: next === DEPTH_DEFAULT ? null : next })}
      />
    </>
  );
}
