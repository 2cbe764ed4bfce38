import { useData } from '../../api/cache';
import type { DecisionDetail } from '../../api/policies';
import { plural } from '../../format/number';
import { decidedBy } from '../../format/permission';
import { instant } from '../../format/time';
import { setQuery } from '../../location';
import { withQuery } from '../../api/client';
import { agentPath, approvalPath, boundaryPath, runPath } from '../../router';
import { useKeys } from '../../shell/shortcuts';
import { Caller } from '../../ui/caller';
import { Copy } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { EffectStatus, EnforcedChip, ResourceName, Touched } from '../../ui/permission';
import { Ticked } from '../../ui/ticked';
import { Policies } from '../approvals/detail';
import { shortDigest } from '../eval/words';
import { wayOut } from './way-out';

const close = (): void => setQuery({ decision: null });

/** One decision explained: what decided, what it saw, and what would make it come out otherwise. */
export function DecisionPanel({ id }: { id: string }) {
  const resource = useData<DecisionDetail>(`/decisions/${encodeURIComponent(id)}`);
  useKeys(({ key }) => {
    if (key === 'Escape') close();
    return key === 'Escape';
  });
  return (
    <aside class="panel given" aria-label="Decision">
      <Loaded resource={resource} rows={8}>
        {(decision) => (
          <>
            <div class="panel-head">
              <div>
                <EffectStatus effect={decision.effect} enforced={decision.enforced} mode={decision.mode} />
                <EnforcedChip enforced={decision.mode === 'enforce'} />
                <span class="spacer" />
                <Copy text={decision.id} label="Copy the id of the decision" />
                <button type="button" class="icon-button" aria-label="Close" onClick={close}>
                  <Icon name="cross" />
                </button>
              </div>
              <h2>
                <ResourceName resource={decision.resource} />
              </h2>
            </div>
            <div class="panel-body">
              <Explained decision={decision} />
            </div>
          </>
        )}
      </Loaded>
    </aside>
  );
}

function Explained({ decision }: { decision: DecisionDetail }) {
  const way = wayOut(decision);
  return (
    <>
      <p class="panel-why">
        <Ticked text={decision.reason} />
      </p>
      {way && (
        <p class="note-box way-out">
          <Icon name="help" />
          <span>
            <Ticked text={way} />
          </span>
        </p>
      )}
      <dl class="run-facts stacked">
        <Fact name="Asked">
          <code>{decision.action}</code>
          {decision.code && <span class="faint"> · {decision.code}</span>}
        </Fact>
        <Fact name="Agent">
          {decision.agent ? (
            <a href={agentPath(decision.agent)}>
              <Name text={decision.agent} />
            </a>
          ) : (
            <Caller reference={decision.caller} />
          )}
          {decision.agent_digest ? (
            <span class="faint" title={decision.agent_digest}>
              {' '}
              {shortDigest(decision.agent_digest)}
            </span>
          ) : (
            <span class="faint"> digest unknown</span>
          )}
        </Fact>
        <Fact name="When">{instant(decision.at)}</Fact>
        <Fact name="Decided by">
          {decision.policies.length > 0 ? <Policies names={decision.policies} /> : <WithoutRule decision={decision} />}
          <span class="faint" title={decision.policy_set}>
            {' '}
            in the set {shortDigest(decision.policy_set)}
          </span>
        </Fact>
        <Fact name="Seen: touched before">
          <Touched taint={decision.taint} />
        </Fact>
        {decision.evidence.length > 0 && (
          <Fact name="Seen: evidence">
            {decision.evidence.map((one) => (
              <div key={one.metric}>
                {one.metric} at least {one.lower.toFixed(4)}{' '}
                <span class="faint">over {plural(one.clusters, 'case')}</span>
              </div>
            ))}
          </Fact>
        )}
        <Fact name="Links">
          {decision.run_id && (
            <>
              <a href={runPath(decision.run_id)}>Run</a> ·{' '}
            </>
          )}
          {decision.approval && (
            <>
              <a href={`${approvalPath(decision.approval)}&show=past`}>Held call</a> ·{' '}
            </>
          )}
          <a href={withQuery('/audit', { kind: 'decision', resource: decision.resource, decision: decision.id })}>
            Audit entry
          </a>
        </Fact>
        {decision.not_replayed && (
          <Fact name="The same call now">cannot be asked again: {decision.not_replayed.replaceAll('_', ' ')}</Fact>
        )}
        {decision.now && (
          <Fact name="The same call now">
            <EffectStatus effect={decision.now.effect} enforced={decision.now.mode === 'enforce'} />
            {decision.now.effect !== decision.effect && (
              <p class="faint">
                <Ticked text={decision.now.reason} />
              </p>
            )}
          </Fact>
        )}
      </dl>
      <section class="arguments">
        <h3>Arguments</h3>
        <Arguments decision={decision} />
      </section>
      {decision.sources.map(({ name, text }) => (
        <details class="section" key={name} open={decision.sources.length === 1}>
          <summary>{name}</summary>
          {text === null ? (
            <p class="faint">It is no longer in force.</p>
          ) : (
            <Json value={text} label={`Policy ${name}`} />
          )}
        </details>
      ))}
    </>
  );
}

/** No rule of the policies decided: evidence, a budget, a pause or a person did. */
function WithoutRule({ decision }: { decision: DecisionDetail }) {
  const by = decidedBy(decision);
  if ('name' in by) {
    return (
      <a href={boundaryPath(by.name)}>
        {by.name}, line {by.line}
      </a>
    );
  }
  return by.page ? <a href={by.page}>{by.word}</a> : <span class="faint">{by.word}</span>;
}

function Arguments({ decision }: { decision: DecisionDetail }) {
  if (decision.arguments_kept === 'none') return <p class="faint">The call has none.</p>;
  if (decision.arguments_kept === 'hidden') return <p class="faint">They are shown to approvers only.</p>;
  if (decision.arguments_kept === 'hash') {
    return (
      <p class="faint">
        Not kept by policy; hashed with a key: <code class="breakable">{decision.arguments_hash}</code>
      </p>
    );
  }
  return (
    <>
      <Json value={decision.arguments} label="Arguments of the call" />
      {decision.arguments_kept === 'redacted' && <p class="faint">Parts were redacted by policy.</p>}
    </>
  );
}
