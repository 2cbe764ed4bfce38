import { send } from '../../api/client';
import { BUDGETS, type Account, type AccountLimit, type Budget } from '../../api/gate';
import { usePages } from '../../api/pages';
import { may } from '../../api/session';
import { exact, plural } from '../../format/number';
import { amount, modeWord, unitWord, windowText } from '../../format/permission';
import { instant } from '../../format/time';
import { Ago } from '../../ui/ago';
import { query } from '../../location';
import { useAct } from '../../ui/act';
import { Confirm } from '../../ui/confirm';
import { Command } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { useFollow } from '../../ui/follow';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { now } from '../../ui/now';
import { PageHead } from '../../ui/page-head';
import { ForRole } from '../../ui/role';
import { Empty } from '../../ui/waiting';
import { BudgetForm } from './form';
import { Pauses } from './pauses';
import { limitsText, resetText, share, whoText } from './words';

/** Budgets are spent while one looks. */
const FOLLOW_MS = 5_000;

export default function BudgetsPage() {
  const pages = usePages<Budget>(BUDGETS);
  const budgets = pages.first;
  useFollow(budgets.reload, FOLLOW_MS);
  const items = pages.items;
  const exhausted = items?.filter(({ accounts }) => accounts.some((one) => one.exhausted)).length ?? 0;
  const edited = query.value.get('edit');
  return (
    <>
      <PageHead title="Budgets">
        <span class="count">
          {items && `${plural(items.length, 'budget')}${pages.more ? ' so far' : ''}`}
          {exhausted > 0 && `, ${exact(exhausted)} used up`}
        </span>
        <div class="actions">
          <ForRole least="administrator">
            <a class="button small primary" href="/budgets?new=1">
              <Icon name="plus" /> Set a budget
            </a>
          </ForRole>
        </div>
      </PageHead>
      {query.value.has('new') && <BudgetForm known={null} done={budgets.reload} />}
      {edited !== null && items && (
        <BudgetForm key={edited} known={items.find(({ name }) => name === edited) ?? null} done={budgets.reload} />
      )}
      <Pauses />
      <Loaded resource={budgets}>
        {(first) =>
          first.items.length > 0 ? (
            <section class="block" aria-label="Budgets">
              {(items ?? first.items).map((budget) => (
                <BudgetBlock key={budget.name} budget={budget} reload={budgets.reload} />
              ))}
              <NextPage pages={pages} />
            </section>
          ) : (
            <NoBudget />
          )
        }
      </Loaded>
    </>
  );
}

function NoBudget() {
  return (
    <Empty title="No budget yet">
      <p>
        A budget limits money, tokens, calls or time for an agent, a team or everyone, per hour, day or week. What a
        call may cost is reserved before it goes out, so that many at once never spend more.
      </p>
      <div class="empty-steps">
        <Command text="mizzen budgets set everyone-day --per everyone --window day --cost-usd 20" />
        <p>
          or <a href="/budgets?new=1">set one here</a>.
        </p>
      </div>
    </Empty>
  );
}

function BudgetBlock({ budget, reload }: { budget: Budget; reload: () => Promise<void> }) {
  const { problem, act } = useAct();
  const remove = (): void =>
    void act(async () => {
      await send('DELETE', `${BUDGETS}/${encodeURIComponent(budget.name)}`);
      await reload();
    });
  const isSet = budget.origin === 'set';
  return (
    <article class="budget">
      <header>
        <h2>{budget.name}</h2>
        <span class="faint">
          {whoText(budget)} · {limitsText(budget)} in {windowText(budget.window, budget.window_seconds)}
        </span>
        {budget.mode === 'observe' && <span class="badge">{modeWord.observe}: counted, never refused</span>}
        <span class="spacer" />
        {!isSet && (
          <a class="badge" href={`/boundaries/${encodeURIComponent(budget.name.split('/')[1] ?? '')}`}>
            from a boundary
          </a>
        )}
        {isSet && may('administrator') && (
          <span class="asking">
            <a class="button small quiet" href={`/budgets?edit=${encodeURIComponent(budget.name)}`}>
              Change
            </a>
            <Confirm
              least="administrator"
              word="Remove"
              question={`Remove ${budget.name}? What was spent is forgotten`}
              act={remove}
            />
          </span>
        )}
      </header>
      <Problem text={problem} />
      {budget.accounts.length === 0 ? (
        <p class="calm">
          Nothing was spent in this window
          {budget.set_at ? (
            <span title={`${instant(budget.set_at)}; what was spent before is not counted`}>
              {' '}
              since it was set, <Ago at={budget.set_at} />
            </span>
          ) : (
            ' since it is in force'
          )}
          .
        </p>
      ) : (
        <Accounts budget={budget} />
      )}
      {budget.accounts_more > 0 && <p class="calm">and {exact(budget.accounts_more)} more that used less.</p>}
    </article>
  );
}

function Accounts({ budget }: { budget: Budget }) {
  return (
    <table class="rows budgets" aria-label={`What is left of ${budget.name}`}>
      <thead>
        <tr>
          <th scope="col">Who</th>
          <th scope="col" class="mid">
            Of
          </th>
          <th scope="col" class="col-bar mid">
            <span class="hidden">Drawn</span>
          </th>
          <th scope="col" class="num">
            Spent
          </th>
          <th scope="col" class="num mid" title="Handed out to calls in flight; what they do not use comes back">
            Reserved
          </th>
          <th scope="col" class="num">
            Left
          </th>
          <th scope="col" class="num mid">
            Limit
          </th>
          <th scope="col" class="num mid">
            Resets
          </th>
        </tr>
      </thead>
      <tbody>
        {budget.accounts.flatMap((account) =>
          account.limits.map((limit, index) => (
            <LimitRow key={`${account.subject}:${limit.unit}`} account={account} limit={limit} isFirst={index === 0} />
          )),
        )}
      </tbody>
    </table>
  );
}

function LimitRow({ account, limit, isFirst }: { account: Account; limit: AccountLimit; isFirst: boolean }) {
  const isOver = limit.left <= 0;
  return (
    <tr>
      <th scope="row" class={isFirst ? 'clip' : 'clip faint'}>
        {account.subject ?? 'everyone together'}
        <span class="only-narrow faint"> · {unitWord[limit.unit]}</span>
      </th>
      <td class="mid">{unitWord[limit.unit]}</td>
      <td class="col-bar mid">
        <Bar limit={limit} />
      </td>
      <td class="num">{amount(limit.spent, limit.unit)}</td>
      <td class="num mid">{amount(limit.reserved, limit.unit)}</td>
      <td class="num">{isOver ? <Said icon="alert" tone="error" word="used up" /> : amount(limit.left, limit.unit)}</td>
      <td class="num mid">{amount(limit.limit, limit.unit)}</td>
      <td class="num mid" title={account.resets_at ? instant(account.resets_at) : ''}>
        {resetText(account.resets_at, now.value)}
      </td>
    </tr>
  );
}

/** Spent and reserved against the limit. The numbers stand in the row: to a screen reader this is decoration. */
function Bar({ limit }: { limit: AccountLimit }) {
  const spent = share(limit.spent, limit.limit);
  const reserved = Math.min(share(limit.reserved, limit.limit), 1 - spent);
  return (
    <div class={limit.left <= 0 ? 'budget-bar full' : 'budget-bar'} aria-hidden="true">
      <i style={{ width: `${100 * spent}%` }} />
      <i class="reserved" style={{ width: `${100 * reserved}%` }} />
    </div>
  );
}
