import { useEffect, useState } from 'preact/hooks';
import { refresh } from '../../api/cache';
import { isApprovals, useWaiting, type Approval } from '../../api/gate';
import { onNews } from '../../api/live';
import { usePages } from '../../api/pages';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { useKeys } from '../../shell/shortcuts';
import { Command } from '../../ui/copy';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { PageHead } from '../../ui/page-head';
import { Choice } from '../../ui/tabs';
import { Empty } from '../../ui/waiting';
import type { Answer } from './answer';
import { Detail } from './detail';
import { byTimeLeft } from './order';
import { PastTable, WaitingTable } from './tables';

const PAST = '/approvals?limit=50';

type Shown = 'waiting' | 'past';

export default function ApprovalsPage() {
  const shown: Shown = query.value.get('show') === 'past' ? 'past' : 'waiting';
  const waiting = useWaiting().data.value?.items;
  return (
    <div class="page-fill">
      <PageHead title="Approvals">
        <span class="count">{waiting && `${plural(waiting.length, 'call')} waiting`}</span>
        <div class="actions">
          <Choice<Shown>
            label="Which"
            choices={[
              ['waiting', 'Waiting'],
              ['past', 'Past'],
            ]}
            chosen={shown}
            choose={(next) => setQuery({ show: next === 'past' ? 'past' : null, id: null }, true)}
          />
        </div>
      </PageHead>
      {shown === 'past' ? <Past /> : <Inbox />}
    </div>
  );
}

function Inbox() {
  const waiting = useWaiting();
  const items = waiting.data.value && byTimeLeft(waiting.data.value.items);
  const chosen = chosenOf(items ?? []);
  const [answer, setAnswer] = useState<{ id: string; answer: Answer } | null>(null);
  useKeys(({ key }) => handle(key, (next) => chosen && setAnswer({ id: chosen.id, answer: next })));
  const choose = (id: string): void => setQuery({ id });
  const done = (id: string): void => {
    setAnswer(null);
    const rest = (items ?? []).filter((one) => one.id !== id);
    const at = (items ?? []).findIndex((one) => one.id === id);
    setQuery({ id: rest[Math.min(at, rest.length - 1)]?.id ?? null });
    refresh(isApprovals);
  };
  return (
    <Loaded resource={waiting} rows={6}>
      {() =>
        !items || (items.length === 0 && !chosen) ? (
          <Empty title="Nothing waits for you">
            <p>
              Calls that a policy gives to a human are held here until somebody answers or their time is over. A
              boundary asks for it with <code>needs_approval: true</code> on a tool.
            </p>
            <div class="empty-steps">
              <Command text="mizzen approvals list" />
              <p>
                shows the same in a terminal. <a href="/boundaries">Boundaries</a> say what needs a human.
              </p>
            </div>
          </Empty>
        ) : (
          <div class="split">
            <div class="split-list">
              <WaitingTable items={items} chosen={chosen?.id ?? null} choose={choose} />
            </div>
            {chosen && (
              <Detail
                key={chosen.id}
                approval={chosen}
                given={query.value.has('id')}
                answer={answer?.id === chosen.id ? answer.answer : null}
                begin={(next) => setAnswer(next && { id: chosen.id, answer: next })}
                done={done}
              />
            )}
          </div>
        )
      }
    </Loaded>
  );
}

function Past() {
  const pages = usePages<Approval>(PAST);
  useEffect(
    () =>
      onNews((news) => {
        if (news.has('approval')) refresh(isApprovals);
      }),
    [],
  );
  const past = pages.items?.filter(({ state }) => state !== 'waiting');
  const id = query.value.get('id');
  const chosen = past?.find((one) => one.id === id);
  return (
    <Loaded resource={pages.first} rows={6}>
      {() =>
        past && past.length > 0 ? (
          <div class={chosen ? 'split' : 'split alone'}>
            <div class="split-list">
              <PastTable items={past} chosen={id} choose={(next) => setQuery({ id: next })} />
              <NextPage pages={pages} />
            </div>
            {chosen && (
              <Detail
                key={chosen.id}
                approval={chosen}
                given
                answer={null}
                begin={() => undefined}
                done={() => undefined}
              />
            )}
          </div>
        ) : (
          <Empty title="No call was held yet">
            <p>Answers are listed here with who gave them, when, and why.</p>
            <div class="empty-steps">
              <Command text="mizzen approvals list --state denied" />
            </div>
          </Empty>
        )
      }
    </Loaded>
  );
}

/** The one in the address, else the one with the least time left. */
function chosenOf(items: Approval[]): Approval | undefined {
  const id = query.value.get('id');
  return items.find((one) => one.id === id) ?? items[0];
}

/** a approves, d denies; the reason is asked for before anything is sent. */
function handle(key: string, begin: (answer: Answer) => void): boolean {
  if (key === 'a') begin('approve');
  else if (key === 'd') begin('deny');
  else if (key === 'Escape' && query.peek().has('id')) setQuery({ id: null });
  else return false;
  return true;
}
