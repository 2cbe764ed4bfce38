import type { EntityGraph, EntityGraphNode } from '../../api/catalog-shapes';
import { levelWord } from '../../format/catalog';
import { exact } from '../../format/number';
import { ClassName, EntityLink, isOwned, OwnerLink } from '../../ui/catalog';
import { ProvenanceMark } from './legend';
import { distanceWords, originWord, relationWords } from './words';

/** The graph in words, for reading aloud and for copying. */
export function GraphTable({ graph }: { graph: EntityGraph }) {
  const titles = new Map(graph.nodes.map((node) => [node.id, node.title]));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Graph as tables">
      <table class="rows">
        <caption>Entities</caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Name</th>
            <th scope="col" class="mid">
              Owner
            </th>
            <th scope="col" class="mid">
              Level
            </th>
            <th scope="col">Origin</th>
            <th scope="col">Distance</th>
          </tr>
        </thead>
        <tbody>
          {graph.nodes.map((node) => (
            <tr key={node.id}>
              <td>
                <ClassName kind={node.kind} type={node.type} />
              </td>
              <th scope="row" class="clip">
                <Name node={node} />
              </th>
              <td class="mid">
                {node.ref === null || (node.owner === null && !isOwned(node.kind.toLowerCase())) ? (
                  '–'
                ) : (
                  <OwnerLink owner={node.owner} />
                )}
              </td>
              <td class="mid">{node.level ? levelWord[node.level] : '–'}</td>
              <td>{originWord[node.origin]}</td>
              <td>{distanceWords(node.hops)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="rows">
        <caption>Dependencies</caption>
        <thead>
          <tr>
            <th scope="col">What depends</th>
            <th scope="col" class="mid">
              How
            </th>
            <th scope="col">On what</th>
            <th scope="col">Who says so</th>
            <th scope="col" class="num">
              Calls
            </th>
          </tr>
        </thead>
        <tbody>
          {graph.edges.map((edge) => (
            <tr key={`${edge.from}→${edge.to}`}>
              <td class="clip">{titles.get(edge.from) ?? edge.from}</td>
              <td class="mid">{relationWords(edge.relations)}</td>
              <td class="clip">{titles.get(edge.to) ?? edge.to}</td>
              <td>
                <ProvenanceMark provenance={edge.provenance} />
              </td>
              <td class="num">{exact(edge.calls)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Name({ node }: { node: EntityGraphNode }) {
  if (node.ref === null) return <>{node.title}</>;
  return <EntityLink reference={node.ref} title={node.title} tab="dependencies" />;
}
