//! What one node may hand out of one account: the block that it has taken, in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mizzen_model::time::Timestamp;

use super::amount::{Amount, Limits, Unit};

/// A block is at most this part of the limit (one in so many), so that a crash costs little and other nodes get theirs.
const BLOCK_SHARE: u64 = 32;
/// And so many times what is asked for, so that busy accounts ask the database seldom.
const BLOCK_CALLS: u64 = 16;

/// One account as this node uses it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(super) id: String,
    pub(super) budget: String,
    pub(super) subject: String,
    /// `None`: it never begins anew.
    pub(super) window: Option<(Timestamp, Timestamp)>,
    block: Mutex<Block>,
    /// Held while a block is taken: who waits finds what the first one took.
    pub(super) taking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Block {
    /// Taken from the account and reserved by nobody.
    free: Amount,
    reserved: Amount,
    /// Spent beyond what was reserved and free: still to be added to the account.
    owed: Amount,
    /// What is taken from the account, by any node, as this one last saw it.
    taken: Option<Amount>,
    /// What waits for a block.
    wanted: Amount,
    /// As much of it may stay free for calls to come.
    ahead: Amount,
    used_at: Instant,
}

/// What has to be written to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Due {
    pub(super) owed: Amount,
    pub(super) back: Amount,
}

impl Account {
    pub(super) fn new(id: String, budget: &str, subject: String, window: Option<(Timestamp, Timestamp)>) -> Self {
        let zero = Amount::default();
        let block = Block {
            free: zero,
            reserved: zero,
            owed: zero,
            taken: None,
            wanted: zero,
            ahead: zero,
            used_at: Instant::now(),
        };
        Self {
            id,
            budget: budget.to_owned(),
            subject,
            window,
            block: Mutex::new(block),
            taking: tokio::sync::Mutex::default(),
        }
    }

    fn block(&self) -> MutexGuard<'_, Block> {
        self.block.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves `need` of what is free; otherwise says what is missing.
    pub(super) fn reserve(&self, need: Amount) -> Result<(), Amount> {
        let mut block = self.block();
        block.used_at = Instant::now();
        if !block.free.covers(need) {
            return Err(need.minus(block.free));
        }
        block.free = block.free.minus(need);
        block.reserved = block.reserved.plus(need);
        Ok(())
    }

    /// Reserves `need` though it is over the limit: what is not free is owed.
    pub(super) fn reserve_over(&self, need: Amount) {
        let mut block = self.block();
        let over = need.minus(block.free);
        block.free = block.free.minus(need);
        block.reserved = block.reserved.plus(need);
        block.owed = block.owed.plus(over);
    }

    pub(super) fn add(&self, taken: Amount) {
        let mut block = self.block();
        block.free = block.free.plus(taken);
        block.taken = block.taken.map(|before| before.plus(taken));
    }

    pub(super) fn saw_taken(&self, taken: Amount) {
        self.block().taken = Some(taken);
    }

    /// What may still be handed out, as far as is known; `None` when nobody looked yet.
    pub(super) fn left(&self, limits: &Limits) -> Option<Amount> {
        let block = self.block();
        let taken = block.taken?.plus(block.owed).minus(block.free);
        Some(Amount(Unit::ALL.map(|unit| limits.of(unit).map_or(0, |limit| limit.saturating_sub(taken.of(unit))))))
    }

    /// What was written changed what is taken.
    pub(super) fn wrote(&self, written: Due) {
        let mut block = self.block();
        block.taken = block.taken.map(|before| before.plus(written.owed).minus(written.back));
    }

    pub(super) fn wait_for(&self, need: Amount) {
        let mut block = self.block();
        block.wanted = block.wanted.plus(need);
    }

    pub(super) fn waited_for(&self, need: Amount) {
        let mut block = self.block();
        block.wanted = block.wanted.minus(need);
    }

    /// What to take for a call that misses `missing`: also for those who wait behind it, and some for those to come.
    pub(super) fn block_for(&self, missing: Amount, limits: &Limits) -> Amount {
        let mut block = self.block();
        block.ahead = Amount(Unit::ALL.map(|unit| limits.of(unit).unwrap_or(0) / BLOCK_SHARE));
        let wanted = block.wanted.minus(block.free);
        let some = Amount(Unit::ALL.map(|unit| missing.of(unit).saturating_mul(BLOCK_CALLS)));
        some.at_most(block.ahead).at_least(wanted).at_least(missing)
    }

    /// Settles a reservation: what was not spent is free at once, what was spent beyond it is taken from what is free, and the
    /// rest of that is owed. Says whether something is owed.
    pub(super) fn settle(&self, reserved: Amount, spent: Amount) -> bool {
        let mut block = self.block();
        block.reserved = block.reserved.minus(reserved);
        block.free = block.free.plus(reserved.minus(spent));
        let beyond = spent.minus(reserved);
        let over = beyond.minus(block.free);
        block.free = block.free.minus(beyond);
        block.owed = block.owed.plus(over);
        !over.is_zero()
    }

    /// Takes out what is to be written: what is owed, and what is free, of which some stays when it was used not long ago.
    /// Calls that were refused after all, or took less than they might, leave more: a crash would charge it.
    pub(super) fn take_due(&self, idle_since: Instant) -> Due {
        let mut block = self.block();
        let owed = std::mem::take(&mut block.owed);
        let stays = if block.used_at <= idle_since { Amount::default() } else { block.free.at_most(block.ahead) };
        let back = block.free.minus(stays);
        block.free = stays;
        Due { owed, back }
    }

    /// What could not be written is due again.
    pub(super) fn put_back(&self, due: Due) {
        let mut block = self.block();
        block.owed = block.owed.plus(due.owed);
        block.free = block.free.plus(due.back);
    }

    pub(super) fn free_and_reserved(&self) -> (Amount, Amount) {
        let block = self.block();
        (block.free, block.reserved)
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_settled(&self) -> bool {
        let block = self.block();
        block.free.is_zero() && block.reserved.is_zero() && block.owed.is_zero()
    }
}
