//! The accounts that this node uses, and the reservations that calls hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mizzen_model::permission::Mode;
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use tokio::sync::Notify;

use super::Budget;
use super::account::{Account, Due};
use super::amount::{Amount, Limits, Unit};
use super::storage::{self, Taken};
use crate::plane::Inner;

/// A block that nobody used for so long is given back.
const IDLE: Duration = Duration::from_secs(1);
/// Accounts that a node has open; more calls than this at once, each with an account of its own, are refused.
const ACCOUNTS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: Mutex<HashMap<String, Arc<Account>>>,
    /// Told when something is owed, which must not wait for the next turn.
    owed: Arc<Notify>,
}

/// What a call holds until it is settled. Dropped unsettled, all of it is charged, but of time no more than has passed: that is
/// known here. Only a crash charges all the time, too.
#[derive(Debug)]
pub(crate) struct Reservation {
    holds: Vec<Hold>,
    since: Instant,
    owed: Arc<Notify>,
    /// The least that an enforced budget of time has put aside; `None`: none counts the call.
    pub(crate) time: Option<Duration>,
}

#[derive(Debug)]
struct Hold {
    account: Arc<Account>,
    limits: Limits,
    reserved: Amount,
}

/// A budget does not have what a call may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) budget: String,
    pub(crate) unit: Unit,
    pub(crate) left: u64,
    pub(crate) limit: u64,
    pub(crate) asked: u64,
    pub(crate) resets_at: Option<Timestamp>,
}

/// Why nothing was reserved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReserveError {
    #[error("the budget `{}` is used up", .0.budget)]
    Short(Short),
    #[error("{ACCOUNTS_MAX} accounts of budgets are open")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ledger {
    /// Reserves `need` of one budget, for `subject`; of time at least one millisecond and at most what is left. Under `observe`
    /// what is over the limit is reserved too, and told.
    pub(crate) async fn reserve(
        &self,
        inner: &Inner,
        budget: &Budget,
        subject: String,
        need: Amount,
        into: &mut Reservation,
    ) -> Result<Option<Short>, ReserveError> {
        let account = self.account(budget, subject, inner.clock.now())?;
        let limits = budget.limits;
        let mut reserved = limits.counted(need);
        let short = match account.reserve(reserved) {
            Ok(()) => None,
            Err(_) => take_and_reserve(inner, &account, budget, &mut reserved).await?,
        };
        match short {
            Some(short) if budget.mode == Mode::Enforce => return Err(ReserveError::Short(short)),
            Some(_) => {
                account.reserve_over(reserved);
                self.owed.notify_one();
            }
            None => {}
        }
        if budget.mode == Mode::Enforce && limits.duration_ms.is_some() {
            let time = Duration::from_millis(reserved.of(Unit::Milliseconds));
            into.time = Some(into.time.map_or(time, |least| least.min(time)));
        }
        into.owed = Arc::clone(&self.owed);
        into.holds.push(Hold { account, limits, reserved });
        Ok(short)
    }

    /// What is left of a budget for `subject`, as this node knows it; read once when the node has not used it before.
    pub(crate) async fn left(&self, inner: &Inner, budget: &Budget, subject: String) -> Result<Amount, ReserveError> {
        let account = self.account(budget, subject, inner.clock.now())?;
        if let Some(left) = account.left(&budget.limits) {
            return Ok(left);
        }
        account.saw_taken(storage::read(inner, &account.id).await?);
        Ok(account.left(&budget.limits).unwrap_or_default())
    }

    fn account(&self, budget: &Budget, subject: String, now: Timestamp) -> Result<Arc<Account>, ReserveError> {
        let window = budget.window.around(now);
        let id = account_id(&budget.name, &subject, window);
        let mut accounts = self.accounts();
        if let Some(account) = accounts.get(&id) {
            return Ok(Arc::clone(account));
        }
        if accounts.len() >= ACCOUNTS_MAX {
            return Err(ReserveError::TooMany);
        }
        let account = Arc::new(Account::new(id.clone(), &budget.name, subject, window));
        accounts.insert(id, Arc::clone(&account));
        Ok(account)
    }

    /// Free and reserved amounts of this node.
    pub(super) fn held(&self, budget: &str, subject: &str, window: Option<(Timestamp, Timestamp)>) -> (Amount, Amount) {
        let id = account_id(budget, subject, window);
        self.accounts().get(&id).map(|account| account.free_and_reserved()).unwrap_or_default()
    }

    /// Writes what is owed and gives back what nobody uses.
    pub(crate) async fn flush(&self, inner: &Inner) -> Result<(), StoreError> {
        self.write(inner, |_| Instant::now().checked_sub(IDLE)).await
    }

    /// Gives back every block, also those in use: at the end, and when a budget was changed.
    pub(crate) async fn give_back(&self, inner: &Inner, budgets: Option<&[String]>) -> Result<(), StoreError> {
        let concerned = |account: &Account| budgets.is_none_or(|names| names.contains(&account.budget));
        self.write(inner, |account| concerned(account).then(Instant::now)).await
    }

    /// The budget is gone, and so are its accounts.
    pub(super) fn forget(&self, budget: &str) {
        self.accounts().retain(|_, account| account.budget != budget);
    }

    pub(crate) async fn something_is_owed(&self) {
        self.owed.notified().await;
    }

    async fn write(&self, inner: &Inner, idle: impl Fn(&Account) -> Option<Instant>) -> Result<(), StoreError> {
        let open: Vec<Arc<Account>> = self.accounts().values().cloned().collect();
        let mut failed = None;
        for account in open {
            // Nobody finds less than there is while it is on its way back.
            let _one_at_a_time = account.taking.lock().await;
            let mut due = match idle(&account) {
                Some(since) => account.take_due(since),
                None => continue,
            };
            // What is free pays what is owed before anything is written twice.
            let even = due.owed.at_most(due.back);
            (due.owed, due.back) = (due.owed.minus(even), due.back.minus(even));
            for (amount, is_back) in [(due.owed, false), (due.back, true)] {
                if amount.is_zero() {
                    continue;
                }
                match storage::correct(inner, &account.id, amount, is_back).await {
                    Ok(()) if is_back => account.wrote(Due { back: std::mem::take(&mut due.back), ..Due::default() }),
                    Ok(()) => account.wrote(Due { owed: std::mem::take(&mut due.owed), ..Due::default() }),
                    Err(error) => failed = Some(error),
                }
            }
            account.put_back(due);
        }
        // Two references: the map's and none of a call's. A call that comes now opens the account anew.
        self.accounts().retain(|_, account| Arc::strong_count(account) > 1 || !account.is_settled());
        failed.map_or(Ok(()), Err)
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Arc<Account>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a block from the account and reserves from it; one at a time, so that those behind find what was taken. Of time `need`
/// becomes what is left, when that is less: the call ends by then.
async fn take_and_reserve(
    inner: &Inner,
    account: &Account,
    budget: &Budget,
    need: &mut Amount,
) -> Result<Option<Short>, StoreError> {
    account.wait_for(*need);
    let _waiting = Waiting { account, need: *need };
    let measures = inner.memory.measures();
    measures.lease_waits.inc();
    let _one_at_a_time = account.taking.lock().await;
    let mut came_back = false;
    // Somebody may use up between taking and reserving what was taken for us; each time something was used up.
    loop {
        let Err(missing) = account.reserve(*need) else { return Ok(None) };
        let mut block = account.block_for(missing, &budget.limits);
        measures.leases.inc();
        let mut taken = storage::take(inner, &account.id, block, &budget.limits).await?;
        if let Taken::Short(so_far) = taken {
            if so_far.is_zero() {
                storage::open(inner, &account.id, &budget.name, &account.subject, start(account.window)).await?;
            }
            // Not all of the block is left, but perhaps what this call needs.
            block = missing;
            taken = storage::take(inner, &account.id, block, &budget.limits).await?;
        }
        match taken {
            Taken::Whole => account.add(block),
            Taken::Short(so_far) => {
                account.saw_taken(so_far);
                match cut_to_left(budget, account, so_far, *need) {
                    Some(cut) => *need = cut,
                    None => {
                        let lacking = lacking(budget, account, so_far, *need);
                        // Another call gave back meanwhile what was missing.
                        if lacking.is_some() || came_back {
                            return Ok(Some(short(budget, account, so_far, *need, lacking.unwrap_or(Unit::Calls))));
                        }
                        came_back = true;
                    }
                }
            }
        }
    }
}

/// `need` with the time that is left; `None` when nothing is, or time is not what lacks. A budget that is only watched ends no call,
/// so that it tells of the time that the call may take.
fn cut_to_left(budget: &Budget, account: &Account, taken: Amount, need: Amount) -> Option<Amount> {
    let time = Unit::Milliseconds;
    let left = left(budget, account, taken, time).filter(|_| budget.mode == Mode::Enforce)?;
    (1..need.of(time)).contains(&left).then(|| need.with(time, left))
}

/// What is left of a unit; `None` when it has no limit.
fn left(budget: &Budget, account: &Account, taken: Amount, unit: Unit) -> Option<u64> {
    let (free, _) = account.free_and_reserved();
    budget.limits.of(unit).map(|limit| limit.saturating_sub(taken.of(unit)).saturating_add(free.of(unit)))
}

/// The first unit of which less is left than `need`.
fn lacking(budget: &Budget, account: &Account, taken: Amount, need: Amount) -> Option<Unit> {
    Unit::ALL.into_iter().find(|unit| left(budget, account, taken, *unit).is_some_and(|left| left < need.of(*unit)))
}

/// That less of `unit` is left than `need`.
fn short(budget: &Budget, account: &Account, taken: Amount, need: Amount, unit: Unit) -> Short {
    Short {
        budget: budget.name.clone(),
        unit,
        left: left(budget, account, taken, unit).unwrap_or(0),
        limit: budget.limits.of(unit).unwrap_or(0),
        asked: need.of(unit),
        resets_at: account.window.map(|(_, end)| end),
    }
}

/// Takes back what a call waited for, also when it stops waiting.
struct Waiting<'a> {
    account: &'a Account,
    need: Amount,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.account.waited_for(self.need);
    }
}

impl Reservation {
    pub(crate) fn begin() -> Self {
        Self { holds: Vec::new(), since: Instant::now(), owed: Arc::default(), time: None }
    }

    /// Charges `spent`, and gives back the rest at once. A unit of which nobody knows what it took (`None`) is charged as
    /// reserved.
    pub(crate) fn settle(mut self, spent: impl Fn(Unit) -> Option<u64>) {
        for hold in std::mem::take(&mut self.holds) {
            let spent = Amount(Unit::ALL.map(|unit| spent(unit).unwrap_or_else(|| hold.reserved.of(unit))));
            self.charge(&hold, hold.limits.counted(spent));
        }
    }

    /// Gives back all the time but `used`, and keeps the rest of what was reserved.
    pub(crate) fn give_back_time(&mut self, used: Duration) {
        let used = u64::try_from(used.as_millis()).unwrap_or(u64::MAX);
        for hold in &mut self.holds {
            let back = hold.reserved.of(Unit::Milliseconds).saturating_sub(used);
            let back = Amount::default().with(Unit::Milliseconds, back);
            hold.account.settle(back, Amount::default());
            hold.reserved = hold.reserved.minus(back);
        }
    }

    /// Gives everything back: the call did not go out.
    pub(crate) fn release(self) {
        self.settle(|_| Some(0));
    }

    fn charge(&self, hold: &Hold, spent: Amount) {
        if hold.account.settle(hold.reserved, spent) {
            self.owed.notify_one();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let passed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        for hold in std::mem::take(&mut self.holds) {
            let time = hold.reserved.of(Unit::Milliseconds).min(passed);
            self.charge(&hold, hold.reserved.with(Unit::Milliseconds, time));
        }
    }
}

fn account_id(budget: &str, subject: &str, window: Option<(Timestamp, Timestamp)>) -> String {
    // A tab is in no name: names have no control characters, and a session's are replaced.
    format!("{budget}\t{subject}\t{}", start(window))
}

fn start(window: Option<(Timestamp, Timestamp)>) -> i64 {
    window.map_or(0, |(start, _)| start.unix_nanos())
}
