import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { EvidenceView, Page } from '../../api/eval';
import { methodWord, sampleWords, valueText } from '../../format/estimate';
import { exact } from '../../format/number';
import { experimentPath, monitorPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { shortDigest } from '../eval/words';

/** The version that runs, where somebody knows it. */
export type RunningVersion = { digest: string; tag: string | null } | null;

/** What is known of this agent that policy may rest on: each bound belongs to one digest. */
export function Evidence({ agent, running = null }: { agent: string; running?: RunningVersion }) {
  const resource = useData<Page<EvidenceView>>(withQuery('/evidence', { agent }));
  return (
    <section class="block inset">
      <h2>
        Evidence <a href={withQuery('/evaluations', { new: 1, agent })}>New experiment</a>{' '}
        <a href={withQuery('/evaluations', { agent })}>All experiments</a>
      </h2>
      <Loaded resource={resource} rows={2}>
        {({ items }) =>
          items.length > 0 ? (
            <>
              <Unproven items={items} running={running} />
              <Table items={items} running={running} />
            </>
          ) : (
            <p class="calm">
              None yet. A finished experiment or a monitor over runs with an agent digest publishes it.
            </p>
          )
        }
      </Loaded>
    </section>
  );
}

/** Evidence is about one digest: what another version has earned does not count for the one that runs. */
function Unproven({ items, running }: { items: EvidenceView[]; running: RunningVersion }) {
  if (!running || items.some(({ subject }) => subject === running.digest)) return null;
  return (
    <p class="run-error held">
      <Icon name="alert" /> None of it is about the version that runs, {running.tag ?? shortDigest(running.digest)}: it
      has to earn its own.
    </p>
  );
}

function Table({ items, running }: { items: EvidenceView[]; running: RunningVersion }) {
  return (
    <table class="rows evals" aria-label="Evidence">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col" class="num" title="The true value is at least this, at the stated error rate">
            At least
          </th>
          <th scope="col" class="num mid">
            Interval
          </th>
          <th scope="col">From</th>
          <th scope="col" class="wide" title="Who saw the steps">
            Seen by
          </th>
          <th scope="col" class="mid">
            Digest
          </th>
          <th scope="col" class="num mid">
            As of
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={`${one.subject}:${one.metric}:${one.as_of}`}>
            <td class="clip">
              <a href={one.from.kind === 'monitor' ? monitorPath(one.from.id) : experimentPath(one.from.id)} data-row>
                {one.metric}
              </a>
            </td>
            <td class="num">
              <b>{valueText(one.lower, null)}</b>
            </td>
            <td class="num mid" title={`${methodWord(one.method)}; ${errorWords(one)}`}>
              {valueText(one.lower, null)}–{valueText(one.upper, null)}{' '}
              <span class="faint">at α {Number(one.alpha.toPrecision(3))}</span>
            </td>
            <td>{sampleWords(one)}</td>
            <td class="wide">{one.sources.join(', ')}</td>
            <td class="mid mono" title={one.subject}>
              {shortDigest(one.subject)}
              {running && one.subject !== running.digest && (
                <>
                  {' '}
                  <span class="chip">another version</span>
                </>
              )}
            </td>
            <td class="num mid">
              <Ago at={one.as_of} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Why α is smaller than asked: versions of one lineage share it. */
function errorWords({ alpha, alpha_total: total, lineage_position: position }: EvidenceView): string {
  return `α ${Number(alpha.toPrecision(3))} is the share of version ${exact(position)} in the ${total} of the whole lineage`;
}
