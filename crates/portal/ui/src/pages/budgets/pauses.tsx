import { useState } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { send } from '../../api/client';
import { PAUSES, usePauses, type Pause, type Scope } from '../../api/gate';
import type { AgentSummary, List } from '../../api/shapes';
import { scopeWords } from '../../format/permission';
import { query, setQuery } from '../../location';
import { announcement } from '../../shell/overlays';
import { Ago } from '../../ui/ago';
import { useAct } from '../../ui/act';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { ForRole, RoleButton } from '../../ui/role';
import { Choice } from '../../ui/tabs';

const reread = (): void => refresh((path) => path === PAUSES || path.startsWith('/approvals'));

/** What stands still now, and the way to make something stand still. */
export function Pauses() {
  const pauses = usePauses().data.value?.items ?? [];
  const isAsking = query.value.has('pause');
  return (
    <section class="block pauses">
      <h2>
        Pauses
        {pauses.length === 0 && <span class="faint">nothing is paused</span>}
        <span class="spacer" />
        {!isAsking && (
          <RoleButton least="approver" class="button small" onClick={() => setQuery({ pause: '1' }, true)}>
            <Icon name="pause" /> Pause or stop …
          </RoleButton>
        )}
      </h2>
      {isAsking && <PauseForm />}
      {pauses.length > 0 && <PauseTable pauses={pauses} />}
    </section>
  );
}

function PauseTable({ pauses }: { pauses: Pause[] }) {
  const { problem, busy, act } = useAct();
  const resume = (pause: Pause): void =>
    void act(async () => {
      await send('DELETE', `${PAUSES}/${encodeURIComponent(pause.id)}`);
      announcement.value = `${scopeWords(pause.scope)} resumed`;
      reread();
    });
  return (
    <>
      <Problem text={problem} />
      <table class="rows" aria-label="Pauses">
        <thead>
          <tr>
            <th scope="col" class="col-mode">
              State
            </th>
            <th scope="col">Who</th>
            <th scope="col">Why</th>
            <th scope="col" class="mid">
              By
            </th>
            <th scope="col" class="num mid">
              Since
            </th>
            <th scope="col" class="num">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {pauses.map((pause) => (
            <tr key={pause.id}>
              <td class="col-mode">
                <Said
                  icon={pause.kind === 'stop' ? 'stop' : 'pause'}
                  tone="error"
                  word={pause.kind === 'stop' ? 'Stopped' : 'Paused'}
                />
              </td>
              <th scope="row" class="clip">
                {scopeWords(pause.scope)}
              </th>
              <td class="clip" title={pause.reason}>
                {pause.reason || <span class="faint">not said</span>}
              </td>
              <td class="mid clip">{pause.by}</td>
              <td class="num mid">
                <Ago at={pause.at} />
              </td>
              <td class="num">
                <RoleButton least="approver" class="button small" disabled={busy} onClick={() => resume(pause)}>
                  <Icon name="play" /> Resume
                </RoleButton>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

type Kind = Pause['kind'];

/** `?pause=1&agent=NAME` comes from the page of an agent. */
function PauseForm() {
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const [scope, setScope] = useState<Scope['kind']>('agent');
  const [kind, setKind] = useState<Kind>('pause');
  const { problem, busy, act } = useAct();
  const close = (): void => setQuery({ pause: null, agent: null });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const name = scope === 'all' ? null : String(values.get('name')).trim();
    const reason = String(values.get('reason')).trim();
    void act(async () => {
      await send('POST', PAUSES, { scope: { kind: scope, name }, kind, reason });
      announcement.value = `${scopeWords({ kind: scope, name })} ${kind === 'stop' ? 'stopped' : 'paused'}`;
      reread();
      close();
    });
  };
  return (
    <ForRole least="approver" what="Pausing">
      <form class="line-form" onSubmit={submit} aria-label="Pause or stop">
        <Choice<Scope['kind']>
          label="Who"
          choices={[
            ['agent', 'An agent'],
            ['team', 'A team'],
            ['all', 'All'],
          ]}
          chosen={scope}
          choose={setScope}
        />
        {scope !== 'all' && (
          <label>
            {scope === 'agent' ? 'Agent' : 'Team'}
            <input
              name="name"
              required
              autofocus
              list={scope === 'agent' ? 'known-agents' : undefined}
              defaultValue={scope === 'agent' ? (query.peek().get('agent') ?? '') : ''}
            />
          </label>
        )}
        <datalist id="known-agents">
          {agents.map(({ agent }) => (
            <option key={agent} value={agent} />
          ))}
        </datalist>
        <Choice<Kind>
          label="How"
          choices={[
            ['pause', 'Pause'],
            ['stop', 'Stop'],
          ]}
          chosen={kind}
          choose={setKind}
        />
        <label class="grow">
          Why
          <input name="reason" required maxLength={300} placeholder="sends the same mail again and again" />
        </label>
        <button type="submit" class="button danger" disabled={busy}>
          {kind === 'stop' ? 'Stop now' : 'Pause now'}
        </button>
        <button type="button" class="button quiet" onClick={close}>
          Cancel
        </button>
        <p class="form-note">
          {kind === 'stop'
            ? 'New calls are refused, calls in flight are ended, held calls are closed.'
            : 'New calls are refused with the reason; calls in flight go on to their end.'}
        </p>
      </form>
      <Problem text={problem} />
    </ForRole>
  );
}
