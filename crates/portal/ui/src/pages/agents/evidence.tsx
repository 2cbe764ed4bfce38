import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send, withQuery } from '../../api/client';
import type { EvidenceView, Page } from '../../api/eval';
import { methodWord, sampleWords, valueText } from '../../format/estimate';
import { exact } from '../../format/number';
import { instant } from '../../format/time';
import { experimentPath, monitorPath } from '../../router';
import { announcement } from '../../shell/overlays';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { RoleButton } from '../../ui/role';
import { WhyForm } from '../../ui/why-form';
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
  if (!running || items.some(({ subject, withdrawn }) => subject === running.digest && !withdrawn)) return null;
  return (
    <p class="run-error held">
      <Icon name="alert" /> None of it is in force for the version that runs,{' '}
      {running.tag ?? shortDigest(running.digest)}: it has to earn its own.
    </p>
  );
}

function Table({ items, running }: { items: EvidenceView[]; running: RunningVersion }) {
  const [asked, ask] = useState<EvidenceView | null>(null);
  return (
    <>
      <Rows items={items} running={running} ask={ask} />
      {asked && <Withdraw key={`${asked.subject}:${asked.rule_metric}`} evidence={asked} done={() => ask(null)} />}
    </>
  );
}

function Rows({
  items,
  running,
  ask,
}: {
  items: EvidenceView[];
  running: RunningVersion;
  ask: (evidence: EvidenceView) => void;
}) {
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
          <th scope="col">In force</th>
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
            <td>
              <InForce evidence={one} newest={items.find((other) => isSame(one, other)) === one} ask={ask} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const isSame = (one: EvidenceView, other: EvidenceView): boolean =>
  one.subject === other.subject && one.rule_metric === other.rule_metric;

/** Items are newest first; of one digest and metric the newest counts, unless somebody withdrew it. */
function InForce({
  evidence,
  newest,
  ask,
}: {
  evidence: EvidenceView;
  newest: boolean;
  ask: (evidence: EvidenceView) => void;
}) {
  const { withdrawn } = evidence;
  if (withdrawn) {
    return (
      <span title={`${withdrawn.by}, ${instant(withdrawn.at)}: ${withdrawn.reason}`}>
        <Icon name="cross" /> Withdrawn
      </span>
    );
  }
  if (!newest) return <span class="faint">A newer one is</span>;
  return (
    <RoleButton least="approver" class="button small quiet" onClick={() => ask(evidence)}>
      Withdraw …
    </RoleButton>
  );
}

/** Asks why; what was measured wrongly then counts nowhere, until somebody measures anew. */
function Withdraw({ evidence, done }: { evidence: EvidenceView; done: () => void }) {
  const { problem, busy, act } = useAct();
  const give = (reason: string): void => {
    void act(async () => {
      const { subject, rule_metric: metric } = evidence;
      await send('POST', '/evidence/withdraw', { subject, metric, reason });
      announcement.value = `${evidence.metric} withdrawn`;
      refresh((path) => path.startsWith('/evidence'));
      done();
    });
  };
  return (
    <WhyForm
      ask={`Why withdraw ${evidence.metric} about ${shortDigest(evidence.subject)}? (told to who is refused for want of it)`}
      placeholder="a bad eval set"
      required
      submit="Withdraw"
      tone="danger"
      keep="Keep it"
      problem={problem}
      busy={busy}
      give={give}
      cancel={done}
    />
  );
}

/** Why α is smaller than asked: versions of one lineage share it. */
function errorWords({ alpha, alpha_total: total, lineage_position: position }: EvidenceView): string {
  return `α ${Number(alpha.toPrecision(3))} is the share of version ${exact(position)} in the ${total} of the whole lineage`;
}
