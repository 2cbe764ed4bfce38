import { useData } from '../../api/cache';
import type { AuditDetail, AuditEntry } from '../../api/audit';
import { parsed } from '../../format/json';
import { exact, plural } from '../../format/number';
import { instant } from '../../format/time';
import { setQuery } from '../../location';
import { approvalPath, decisionPath, runPath } from '../../router';
import { Copy } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { Loaded } from '../../ui/loaded';
import { EffectStatus } from '../../ui/permission';
import { shortDigest } from '../eval/words';
import { entryPath, useVerdict, verdictSentence, VerdictStatus } from './proof';
import { kindWord } from './words';
import { Ticked } from '../../ui/ticked';

export const closeEntry = (): void => setQuery({ entry: null, decision: null });

/** One entry with its proof, as far as this browser could follow it. */
export function EntryPanel({ index, logKey }: { index: number; logKey: string | undefined }) {
  const resource = useData<AuditDetail>(entryPath(index));
  const verdict = useVerdict(index, logKey, true);
  return (
    <aside class="panel given" aria-label="Audit entry">
      <div class="panel-head">
        <div>
          <VerdictStatus verdict={verdict} />
          <span class="spacer" />
          <button type="button" class="icon-button" aria-label="Close" onClick={closeEntry}>
            <Icon name="cross" />
          </button>
        </div>
        <h2>Entry {exact(index)}</h2>
      </div>
      <div class="panel-body">
        <p class={verdict !== 'checking' && verdict.state === 'failed' ? 'error-text' : 'panel-why'} role="status">
          {verdictSentence(index, verdict)}
        </p>
        <Loaded resource={resource} rows={8}>
          {(detail) => (
            <>
              {detail.entry ? <EntryFacts entry={detail.entry} /> : <Pruned />}
              <Proof detail={detail} />
              {detail.text !== null && (
                <details class="section" open>
                  <summary>As it was logged</summary>
                  {/* Read as JSON only to be laid out; what is hashed is the text itself. */}
                  <Json value={parsed(detail.text)} label="The entry as it was logged" />
                </details>
              )}
            </>
          )}
        </Loaded>
      </div>
    </aside>
  );
}

const Pruned = () => (
  <p class="note-box">
    Retention removed the content of this entry. Its hash stays in the tree, so nothing else could stand in its place.
  </p>
);

function EntryFacts({ entry }: { entry: AuditEntry }) {
  const approval = entry.details?.['approval'];
  return (
    <dl class="run-facts stacked">
      <Fact name="Kind">{kindWord(entry.kind)}</Fact>
      {entry.effect && (
        <Fact name="Effect">
          <EffectStatus effect={entry.effect} enforced={entry.mode !== 'observe'} />
        </Fact>
      )}
      <Fact name="When">{instant(entry.at)}</Fact>
      {entry.who && (
        <Fact name="Who">
          {entry.who.reference}
          {entry.who.role && <span class="faint"> as {entry.who.role}</span>}
          {entry.who.key_id && <span class="faint"> with the key {entry.who.key_id}</span>}
        </Fact>
      )}
      {entry.resource && (
        <Fact name="What">
          {entry.action && <span class="faint">{entry.action} </span>}
          {entry.resource}
        </Fact>
      )}
      {entry.reason && (
        <Fact name="Why">
          <Ticked text={entry.reason} />
        </Fact>
      )}
      {entry.policies && entry.policies.length > 0 && <Fact name="Decided by">{entry.policies.join(', ')}</Fact>}
      {entry.policy_set && (
        <Fact name="Policy set" title={entry.policy_set}>
          <code>{shortDigest(entry.policy_set)}</code>
        </Fact>
      )}
      {entry.withheld && entry.withheld.length > 0 && <Fact name="Withheld">{entry.withheld.join(', ')}</Fact>}
      <Fact name="Links">
        <span class="links">
          {entry.run && <a href={runPath(entry.run)}>Run</a>}
          {entry.decision && <a href={decisionPath(entry.decision)}>Decision</a>}
          {typeof approval === 'string' && <a href={`${approvalPath(approval)}&show=past`}>Approval</a>}
          {!entry.run && !entry.decision && typeof approval !== 'string' && <span class="faint">none</span>}
        </span>
      </Fact>
    </dl>
  );
}

function Proof({ detail: { index, proof } }: { detail: AuditDetail }) {
  return (
    <details class="section">
      <summary>Proof of {plural(proof.path.length, 'hash', 'hashes')}</summary>
      <p class="links">
        <a
          class="button small"
          href={`/api/v1${entryPath(index)}/proof?download=true`}
          download={`entry-${index}.tlog-proof`}
        >
          <Icon name="download" /> Download the proof
        </a>
        <Copy text={JSON.stringify(proof, null, 2)} label="Copy the proof as JSON" />
      </p>
      <ol class="proof-path">
        <li>
          <span class="faint">leaf</span> <code class="breakable">{proof.leaf_hash}</code>
        </li>
        {proof.path.map((hash) => (
          <li key={hash}>
            <code class="breakable">{hash}</code>
          </li>
        ))}
        <li>
          <span class="faint">root</span> <code class="breakable">{proof.root}</code>
        </li>
      </ol>
    </details>
  );
}
