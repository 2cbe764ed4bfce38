//! The engine behind every door: queue, prefix cache, plan of an answer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use mizzen_runtime::clock::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::{Answer, Stop, Words};
use super::ask::Ask;
use super::config::SimConfig;
use super::load::Load;
use super::pace::Pace;
use super::prefix::{self, PrefixCache};
use super::random::Random;
use super::script;

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) config: SimConfig,
    pub(super) load: Arc<Load>,
    seed: u64,
    clock: Clock,
    filler: Arc<Words>,
    slots: Arc<Semaphore>,
    cache: Mutex<PrefixCache>,
    sequence: AtomicU64,
    pub(super) stored: super::door::StoredResponses,
}

/// Why there is no answer; each door puts it into its protocol's shape.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

/// One admitted request: what will be said, when, and what it cost.
#[derive(Debug)]
pub(super) struct Plan {
    /// 16 hexadecimal digits, unique in this engine; doors put their prefix before it.
    pub(super) id: String,
    pub(super) created_seconds: i64,
    /// The name that was asked for, as JSON string contents.
    pub(super) model_escaped: String,
    pub(super) answer: Answer,
    pub(super) prompt_tokens: usize,
    pub(super) cached_tokens: usize,
    pub(super) pace: Pace,
    pub(super) slot: Slot,
}

impl Engine {
    pub(super) fn new(config: SimConfig) -> Self {
        let clock = Clock::system();
        let seed = config.seed.unwrap_or_else(|| clock.now().unix_nanos().unsigned_abs());
        Self {
            load: Arc::default(),
            seed,
            clock,
            filler: Arc::new(Words::filler(seed, config.answer_tokens)),
            slots: Arc::new(Semaphore::new(config.running_max.clamp(1, Semaphore::MAX_PERMITS))),
            cache: Mutex::new(PrefixCache::new(config.cache_blocks)),
            sequence: AtomicU64::new(0),
            stored: Default::default(),
            config,
        }
    }

    pub(super) fn random(&self) -> Random {
        let sequence = self.sequence.fetch_add(1, Relaxed);
        Random::new(self.seed ^ sequence.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn now_seconds(&self) -> i64 {
        self.clock.now().unix_nanos() / 1_000_000_000
    }

    /// Queues the request, then plans its answer.
    pub(super) async fn admit(&self, ask: &Ask) -> Result<Plan, Refusal> {
        let mut random = self.random();
        let rule = script::rule_for(&self.config.rules, ask);
        if let Some(failure) = rule.and_then(|rule| rule.error.as_ref()) {
            return Err(Refusal { status: failure.status, message: failure.message.clone() });
        }
        let mut slot = self.slot().await?;
        let answer = match rule {
            Some(rule) => Answer::scripted(rule, ask, &mut random),
            None => Answer::filler(&self.filler, ask),
        };
        let cached_tokens = self.cache.lock().unwrap_or_else(PoisonError::into_inner).admit(ask.prompt());
        let prompt_tokens = prefix::tokens(ask.prompt().len());
        slot.hold(prefix::blocks(prompt_tokens + answer.completion_tokens), answer.stop);
        self.load.prompt_tokens.fetch_add(prompt_tokens as u64, Relaxed);
        self.load.cached_tokens.fetch_add(cached_tokens as u64, Relaxed);
        self.load.completion_tokens.fetch_add(answer.completion_tokens as u64, Relaxed);
        Ok(Plan {
            id: format!("{:016x}", random.next()),
            created_seconds: self.now_seconds(),
            model_escaped: super::answer::escape(&ask.model),
            answer,
            prompt_tokens,
            cached_tokens,
            pace: Pace::new(self.config.latency, random, prompt_tokens - cached_tokens),
            slot,
        })
    }

    async fn slot(&self) -> Result<Slot, Refusal> {
        let arrived = Instant::now();
        let permit = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait_for_slot().await?,
        };
        self.load.running.fetch_add(1, Relaxed);
        Ok(Slot { load: Arc::clone(&self.load), arrived, blocks: 0, stop: None, finished: false, _permit: permit })
    }

    async fn wait_for_slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let waiting = Waiting::enter(&self.load);
        let full = || Refusal { status: 503, message: "the engine's queue is full; try again later".to_owned() };
        if waiting.ahead >= self.config.waiting_max as u64 {
            return Err(full());
        }
        Arc::clone(&self.slots).acquire_owned().await.map_err(|_| full())
    }
}

/// Counts one waiting request for as long as it lives.
struct Waiting<'a> {
    load: &'a Load,
    ahead: u64,
}

impl<'a> Waiting<'a> {
    fn enter(load: &'a Load) -> Self {
        Self { ahead: load.waiting.fetch_add(1, Relaxed), load }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.load.waiting.fetch_sub(1, Relaxed);
    }
}

/// A place among the running requests. Dropping it before `finish` counts as aborted by the client.
#[derive(Debug)]
pub(super) struct Slot {
    load: Arc<Load>,
    arrived: Instant,
    blocks: u64,
    stop: Option<Stop>,
    finished: bool,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    fn hold(&mut self, blocks: usize, stop: Stop) {
        self.blocks = blocks as u64;
        self.stop = Some(stop);
        self.load.blocks_held.fetch_add(self.blocks, Relaxed);
    }

    pub(super) fn saw_first_token(&self) {
        self.load.first_token.observe(self.arrived.elapsed());
    }

    pub(super) fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.load.running.fetch_sub(1, Relaxed);
        self.load.blocks_held.fetch_sub(self.blocks, Relaxed);
        self.load.count_finished(self.stop.filter(|_| self.finished));
        self.load.whole_request.observe(self.arrived.elapsed());
    }
}
