import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send, sendText, withQuery } from '../../api/client';
import type { PolicyDetail, PolicyPut } from '../../api/policies';
import { may } from '../../api/session';
import { navigate, query, setQuery } from '../../location';
import { announcement } from '../../shell/overlays';
import { agentPath } from '../../router';
import { Ago } from '../../ui/ago';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Fact } from '../../ui/fact';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { ModeStatus } from '../../ui/permission';
import { RoleButton } from '../../ui/role';
import { Tabs } from '../../ui/tabs';
import { shortDigest } from '../eval/words';
import { useCheck } from './check';
import { TwoTexts } from './editor';
import { History } from './history';
import { ImpactView } from './impact';
import { ModeSwitch } from './mode-switch';

const TABS = [
  { id: 'text', label: 'Text' },
  { id: 'impact', label: 'Impact' },
  { id: 'history', label: 'History' },
];

export default function BoundaryPage({ id }: { id: string }) {
  const isCedar = query.value.get('kind') === 'policy';
  const path = `/${isCedar ? 'policies' : 'boundaries'}/${encodeURIComponent(id)}`;
  const resource = useData<PolicyDetail>(path);
  const shown = resource.data.value;
  return (
    <>
      <PageHead title={id} up={{ href: '/boundaries', name: 'Boundaries' }}>
        {shown?.mode && <ModeStatus mode={shown.mode} />}
        {shown && <Actions shown={shown} path={path} reload={resource.reload} />}
      </PageHead>
      <Loaded resource={resource} rows={10}>
        {(detail) => <Body key={detail.digest} detail={detail} path={path} reload={resource.reload} />}
      </Loaded>
    </>
  );
}

function Actions({ shown, path, reload }: { shown: PolicyDetail; path: string; reload: () => Promise<void> }) {
  const { problem, act } = useAct();
  if (shown.origin === 'folder') return <span class="badge">read only: from the folder</span>;
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', path);
      refresh((read) => read === '/boundaries' || read === '/policies');
      navigate('/boundaries');
    });
  return (
    <div class="actions">
      {problem && <span class="bad-text">{problem}</span>}
      {shown.mode && <ModeSwitch detail={shown} mode={shown.mode} path={path} done={reload} />}
      <Confirm
        least="administrator"
        word="Delete"
        question={`Delete ${shown.name}? Its agents are then unnamed`}
        act={remove}
      />
    </div>
  );
}

function Body({ detail, path, reload }: { detail: PolicyDetail; path: string; reload: () => Promise<void> }) {
  const [text, setText] = useState(detail.text);
  const file = { name: `${detail.name}.${detail.kind === 'policy' ? 'cedar' : 'yaml'}`, text };
  const tab = TABS.find(({ id }) => id === query.value.get('tab'))?.id ?? 'text';
  const isChanged = text !== detail.text;
  return (
    <>
      <Facts detail={detail} />
      <Tabs
        tabs={TABS}
        chosen={tab}
        choose={(next) => setQuery({ tab: next === 'text' ? null : next }, true)}
        label="Views of the boundary"
        panel="boundary-view"
      />
      <div id="boundary-view" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'text' && (
          <TextTab detail={detail} path={path} file={file} setText={setText} isChanged={isChanged} saved={reload} />
        )}
        {tab === 'impact' && (
          <>
            <p class="lead">
              {isChanged
                ? 'Recorded decisions are asked again under the text as you changed it.'
                : 'Recorded decisions are asked again under the text in force. Change it first to see what the change would do.'}
            </p>
            <ImpactView file={file} />
          </>
        )}
        {tab === 'history' && <History detail={detail} restore={setText} />}
      </div>
    </>
  );
}

function Facts({ detail }: { detail: PolicyDetail }) {
  return (
    <dl class="run-facts page">
      <Fact name="Agents">
        {detail.agents.length + detail.teams.length === 0
          ? 'all'
          : detail.agents.map((agent, index) => (
              <span key={agent}>
                {index > 0 && ', '}
                {agent.includes('*') ? <code>{agent}</code> : <a href={agentPath(agent)}>{agent}</a>}
              </span>
            ))}
        {detail.teams.length > 0 && <span class="faint"> teams {detail.teams.join(', ')}</span>}
      </Fact>
      <Fact name="Comes from">
        {detail.origin === 'folder' ? <code>{detail.file}</code> : `stored, version ${detail.version ?? 1}`}
      </Fact>
      {detail.changed_at && (
        <Fact name="Last change" {...(detail.reason ? { title: detail.reason } : {})}>
          <Ago at={detail.changed_at} /> by {detail.changed_by ?? 'nobody known'}
          {detail.reason && <span class="faint"> · {detail.reason}</span>}
        </Fact>
      )}
      <Fact name="Digest" title={detail.digest}>
        <code>{shortDigest(detail.digest)}</code>
      </Fact>
      <Fact name="Its decisions">
        <a
          href={`/decisions${detail.agents[0] && !detail.agents[0].includes('*') ? `?agent=${encodeURIComponent(detail.agents[0])}` : ''}`}
        >
          Decisions
        </a>
      </Fact>
    </dl>
  );
}

function TextTab({
  detail,
  path,
  file,
  setText,
  isChanged,
  saved,
}: {
  detail: PolicyDetail;
  path: string;
  file: { name: string; text: string };
  setText: (text: string) => void;
  isChanged: boolean;
  saved: () => Promise<void>;
}) {
  const [reason, setReason] = useState('');
  const { problem, busy, act } = useAct();
  const checked = useCheck(file, detail.kind === 'policy' ? null : detail.cedar);
  const isFolder = detail.origin === 'folder';
  const isReady = isChanged && checked.valid !== false && may('administrator') && !isFolder;
  const save = (): void => {
    if (!isReady) return;
    void act(async () => {
      // The digest edited from: what somebody else changed meanwhile is not lost.
      const headers = { 'if-match': `"${detail.digest}"` };
      await sendText<PolicyPut>('PUT', withQuery(path, { reason: reason.trim() }), file.text, headers);
      announcement.value = `${detail.name} saved`;
      refresh((read) => read === '/boundaries' || read === '/policies');
      await saved();
    });
  };
  return (
    <>
      <TwoTexts file={file} checked={checked} onInput={setText} save={save} readOnly={isFolder || !may('developer')} />
      <form
        class="save-line"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {isFolder ? (
          <p class="calm">
            <Icon name="lock" />
            <span>
              It comes from the folder: change <code>{detail.file}</code>, it is read again by itself.
            </span>
          </p>
        ) : (
          <>
            <input
              name="reason"
              aria-label="Why it changes"
              maxLength={200}
              placeholder="Why it changes (kept with the version)"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
            <RoleButton least="administrator" type="submit" class="button primary" disabled={busy || !isReady}>
              Save
            </RoleButton>
            {isChanged && (
              <button type="button" class="button quiet" onClick={() => setText(detail.text)}>
                Undo all changes
              </button>
            )}
            {isChanged && <a href="?tab=impact">See the impact first</a>}
          </>
        )}
        <Problem text={problem} />
      </form>
    </>
  );
}
