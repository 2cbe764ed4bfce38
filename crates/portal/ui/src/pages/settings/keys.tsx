import { useState } from 'preact/hooks';
import { send } from '../../api/client';
import { useData } from '../../api/cache';
import type { KeyInfo, List, Minted } from '../../api/shapes';
import { announcement } from '../../shell/overlays';
import { Ago } from '../../ui/ago';
import { Command, Copy } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Name } from '../../ui/name';
import { agentPath } from '../../router';
import { shortDigest } from '../eval/words';
import { Lifetimes, secondsOf } from './lifetime';

export function Keys() {
  const resource = useData<List<KeyInfo>>('/keys');
  const [minted, setMinted] = useState<Minted | null>(null);
  const { problem, busy, act } = useAct();
  const revoke = (key: KeyInfo): void =>
    void act(async () => {
      await send('DELETE', `/keys/${encodeURIComponent(key.id)}`);
      announcement.value = `Key ${key.name} revoked`;
      if (minted?.info.id === key.id) setMinted(null);
      await resource.reload();
    });
  const mint = (name: string, agent: string, version: string, ttlSeconds: number | null): void =>
    void act(async () => {
      setMinted(
        await send<Minted>('POST', '/keys', {
          name,
          agent: agent || undefined,
          version: version || undefined,
          ttl_seconds: ttlSeconds ?? undefined,
        }),
      );
      await resource.reload();
    });
  const keys = resource.data.value?.items;
  return (
    <>
      <p class="lead">
        An agent key opens the model gateway, the tool gateway and the OpenTelemetry doors, nothing else. It gives calls
        their caller, and it can be revoked at any time.
      </p>
      <MintForm mint={mint} busy={busy} />
      {problem && (
        <p class="problem" role="alert">
          <Icon name="alert" /> {problem}
        </p>
      )}
      {minted && <Shown minted={minted} close={() => setMinted(null)} />}
      {keys ? (
        keys.length > 0 ? (
          <Table keys={keys} revoke={revoke} />
        ) : (
          <Empty title="No agent keys">
            <p>Agents on this machine may send telemetry without one; the gateway always wants one.</p>
          </Empty>
        )
      ) : resource.error.value ? (
        <Failure error={resource.error.value} retry={() => void resource.reload()} />
      ) : (
        <Waiting rows={4} />
      )}
    </>
  );
}

function MintForm({
  mint,
  busy,
}: {
  mint: (name: string, agent: string, version: string, ttlSeconds: number | null) => void;
  busy: boolean;
}) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = new FormData(form);
    const read = (name: string): string => String(values.get(name)).trim();
    mint(read('name'), read('agent'), read('version'), secondsOf(values));
    form.reset();
  };
  return (
    <form class="line-form" onSubmit={submit}>
      <label>
        Name <input name="name" required maxLength={63} placeholder="order-support on staging" />
      </label>
      <label>
        Agent <input name="agent" maxLength={63} placeholder="optional" />
      </label>
      <label>
        Version{' '}
        <input
          name="version"
          maxLength={128}
          placeholder="optional, as v2"
          title="A version of the agent in the catalog, by tag or digest: evidence is about the version that a key names"
        />
      </label>
      <label>
        Valid for <Lifetimes />
      </label>
      <button type="submit" class="button primary" disabled={busy}>
        <Icon name="plus" /> New key
      </button>
    </form>
  );
}

/** Only a hash of the key is stored, so this is the one time to copy it. */
function Shown({ minted, close }: { minted: Minted; close: () => void }) {
  return (
    <div class="minted" role="status">
      <p>
        <b>{minted.info.name}</b>: copy the key now, it is not shown again.
      </p>
      <div class="command">
        <code>{minted.key}</code>
        <Copy text={minted.key} label="Copy the key" />
      </div>
      <Command text={`OPENAI_BASE_URL=${location.origin}/v1 OPENAI_API_KEY=${minted.key} python agent.py`} />
      <button type="button" class="button small" onClick={close}>
        Done
      </button>
    </div>
  );
}

/** The key that judges present. It is Mizzen's own, and no agent has it. */
const JUDGE = 'mizzen judge';
const isJudge = ({ name, agent }: KeyInfo): boolean => name === JUDGE && !agent;

function Table({ keys, revoke }: { keys: KeyInfo[]; revoke: (key: KeyInfo) => void }) {
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" class="mid">
            Agent
          </th>
          <th scope="col" class="mid" title="The version of the agent that the key is bound to, by digest">
            Version
          </th>
          <th scope="col" class="mid">
            Key
          </th>
          <th scope="col" class="num mid">
            Made
          </th>
          <th scope="col" class="num">
            Ends
          </th>
          <th scope="col" class="num">
            <span class="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">
              {key.name}{' '}
              {isJudge(key) && (
                <span class="chip" title="Mizzen made it: evaluators that ask a model go through the gateway with it">
                  Mizzen's own
                </span>
              )}
              {(key.agent ?? key.agent_digest) && (
                <span class="row-more">
                  {[key.agent, key.agent_digest && shortDigest(key.agent_digest)].filter(Boolean).join(' · ')}
                </span>
              )}
            </th>
            <td class="mid">
              {key.agent ? (
                <a href={agentPath(key.agent)}>
                  <Name text={key.agent} />
                </a>
              ) : (
                '–'
              )}
            </td>
            <td class="mid mono" title={key.agent_digest ?? 'Bound to no version'}>
              {key.agent_digest ? shortDigest(key.agent_digest) : '–'}
            </td>
            <td class="mid mono">mzk_…{key.last_four}</td>
            <td class="num mid">
              <Ago at={key.created_at} />
            </td>
            <td class="num">{key.expires_at ? key.expires_at.slice(0, 10) : 'never'}</td>
            <td class="num">
              <Confirm
                least="developer"
                word="Revoke"
                question={isJudge(key) ? 'Revoke it? Judges then cannot ask a model' : `Revoke ${key.name}?`}
                act={() => revoke(key)}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
