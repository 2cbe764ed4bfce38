import type { Graph } from '../../api/shapes';
import { cost } from '../../format/money';
import { exact } from '../../format/number';
import { Name } from '../../ui/name';

/** The graph in words, for reading aloud and for copying. */
export function GraphTable({ graph }: { graph: Graph }) {
  const labels = new Map(graph.nodes.map((node) => [node.id, node.label]));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Graph as tables">
      <table class="rows">
        <caption>Participants</caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Name</th>
            <th scope="col" class="num">
              Calls
            </th>
            <th scope="col" class="num">
              Failed
            </th>
            <th scope="col" class="num">
              Tokens
            </th>
            <th scope="col" class="num">
              Cost (est.)
            </th>
          </tr>
        </thead>
        <tbody>
          {graph.nodes.map((node) => (
            <tr key={node.id}>
              <td>{node.kind}</td>
              <th scope="row" class="clip" title={node.label}>
                <Name text={node.label} />
              </th>
              <td class="num">{exact(node.calls)}</td>
              <td class="num">{exact(node.errors)}</td>
              <td class="num">{node.tokens > 0 ? exact(node.tokens) : '–'}</td>
              <td class="num">{node.tokens > 0 && node.cost_usd == null ? 'unknown' : cost(node)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="rows">
        <caption>Calls</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="num">
              Calls
            </th>
            <th scope="col" class="num">
              Failed
            </th>
          </tr>
        </thead>
        <tbody>
          {graph.edges.map((edge) => (
            <tr key={`${edge.from}→${edge.to}`}>
              <td class="clip">
                <Name text={labels.get(edge.from) ?? edge.from} />
              </td>
              <td class="clip">
                <Name text={labels.get(edge.to) ?? edge.to} />
              </td>
              <td class="num">{exact(edge.calls)}</td>
              <td class="num">{exact(edge.errors)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
