//! Group commit without a task of its own: whoever finds nobody writing starts the writer, which goes on until the
//! queue is empty. All that came while the disk was busy is the next group; where nobody waits for an entry, it waits
//! a little for others.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_store::DataDir;
use tokio::sync::oneshot;

use super::entry::{AuditEntry, Kind, Who};
use super::journal::Journal;
use super::refusals::Refusals;
use super::secret::AuditKey;
use super::tree::{Published, Tree};
use super::witness::WitnessStatus;
use super::{APPEND_TIMEOUT, AuditError, AuditStatus, Count, Durability, FOLDER, JOURNAL_FOLDER, WINDOW, files};

/// Entries that wait for the disk; more are refused.
const QUEUE_ENTRIES_MAX: usize = 32_768;
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Entries of one group.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// How long entries that nobody waits for are gathered: less than half of the window, and the rest is for the disk.
const GATHERING: Duration = Duration::from_millis(4);
/// On disk and not in the tree yet: from here on the writer brings them there itself.
const UNPUBLISHED_BYTES: usize = 8 << 20;
/// Where the tree cannot be written, no more is taken.
const UNPUBLISHED_BYTES_MAX: usize = 64 << 20;

type Done = oneshot::Sender<Result<u64, String>>;

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) key: AuditKey,
    pub(super) clock: Clock,
    pub(super) folder: PathBuf,
    pub(super) published: ArcSwap<Published>,
    queue: Mutex<Queue>,
    /// Told when somebody waits for an entry of the queue.
    awaited: Condvar,
    journal: Mutex<Journal>,
    /// On disk, in order, not in the tree yet.
    durable: Mutex<Durable>,
    tree: Mutex<Tree>,
    groups: Count,
    lost: Count,
    pub(super) refusals: Refusals,
    pub(super) witnesses: ArcSwap<Vec<WitnessStatus>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    bytes: usize,
    /// Entries ever enqueued, and those of them that were written or could not be.
    enqueued: u64,
    done: u64,
    /// Somebody waits for one of them.
    is_awaited: bool,
    /// Somebody is writing, since when its oldest entry waits.
    writing: Option<Instant>,
    failure: Option<String>,
}

#[derive(Debug)]
struct Waiting {
    entry: Vec<u8>,
    since: Instant,
    /// `None`: nobody waits.
    done: Option<Done>,
}

#[derive(Debug, Default)]
struct Durable {
    size: u64,
    entries: Vec<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    /// How long the entries may still be gathered; `None` when they are to be written.
    fn gathers(&self, now: Instant) -> Option<Duration> {
        let oldest = self.waiting.first()?;
        let is_due = self.is_awaited || self.bytes >= GROUP_BYTES_MAX || self.waiting.len() >= QUEUE_ENTRIES_MAX / 2;
        let rest = GATHERING.saturating_sub(now.duration_since(oldest.since));
        (!is_due && !rest.is_zero()).then_some(rest)
    }
}

/// Opens key, tree and journal, and brings the journal's entries into the tree.
pub(super) fn open(data_dir: &DataDir, clock: Clock) -> Result<Writer, AuditError> {
    let loaded = AuditKey::load(data_dir)?;
    let is_new = loaded.is_none();
    let (folder, state) = (data_dir.join(FOLDER), data_dir.join(JOURNAL_FOLDER));
    let was_there = folder.join(files::CHECKPOINT).exists() || state.join("head").exists();
    if is_new && was_there {
        return Err(AuditError::KeyMissing { folder });
    }
    if !is_new && !was_there && !state.is_dir() {
        return Err(AuditError::LogMissing { file: data_dir.join(super::AUDIT_KEY_FILE) });
    }
    data_dir.folder(FOLDER)?;
    data_dir.folder(JOURNAL_FOLDER)?;
    files::check_format(&folder)?;
    let key = match loaded {
        Some(key) => key,
        None => AuditKey::generate()?,
    };
    let mut tree = Tree::open(&folder, &state, &key)?;
    let (mut journal, recovered) = Journal::open(&state, tree.size())?;
    if is_new {
        key.save(data_dir)?;
    }
    recovered.entries.iter().for_each(|entry| tree.push(entry));
    if tree.size() == 0 {
        let entry = AuditEntry::new(clock.now(), Kind::LogOpened, Who::mizzen());
        let entry = entry.with("key", key.verifier().to_string()).encode()?;
        let mut bundle = Vec::new();
        files::add_to_bundle(&mut bundle, &entry);
        journal.append(1, &bundle)?;
        tree.push(&entry);
    }
    tree.publish(&key)?;
    journal.trim(tree.published().checkpoint.size)?;
    let durable = Durable { size: tree.size(), ..Durable::default() };
    Ok(Writer {
        key,
        clock,
        folder,
        published: ArcSwap::from_pointee(tree.published().clone()),
        queue: Mutex::default(),
        awaited: Condvar::new(),
        journal: Mutex::new(journal),
        durable: Mutex::new(durable),
        tree: Mutex::new(tree),
        groups: Count::default(),
        lost: Count::default(),
        refusals: Refusals::default(),
        witnesses: ArcSwap::default(),
    })
}

impl Writer {
    /// Takes an entry. `None`: it need not be waited for.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        entry: Vec<u8>,
        durability: Durability,
    ) -> Result<Option<oneshot::Receiver<Result<u64, String>>>, AuditError> {
        if lock(&self.durable).bytes > UNPUBLISHED_BYTES_MAX {
            return Err(AuditError::Busy);
        }
        let now = Instant::now();
        let mut queue = lock(&self.queue);
        if queue.waiting.len() >= QUEUE_ENTRIES_MAX || queue.bytes + entry.len() > QUEUE_BYTES_MAX {
            return Err(AuditError::Busy);
        }
        // Who need not wait does so all the same where the promise of the window would be an empty one.
        let is_behind = queue.writing.is_some_and(|since| now.duration_since(since) > WINDOW);
        let waits = durability == Durability::Durable || queue.failure.is_some() || is_behind;
        let (done, receiver) = waits.then(oneshot::channel).unzip();
        queue.bytes += entry.len();
        queue.waiting.push(Waiting { entry, since: now, done });
        queue.enqueued += 1;
        if waits {
            queue.is_awaited = true;
            self.awaited.notify_one();
        }
        if queue.writing.is_none() {
            queue.writing = Some(now);
            let writer = Arc::clone(self);
            tokio::task::spawn_blocking(move || writer.write_all());
        }
        Ok(receiver)
    }

    /// Returns when what was enqueued before is written, or could not be.
    pub(super) fn settle(&self) {
        let until = Instant::now() + APPEND_TIMEOUT;
        let mut queue = lock(&self.queue);
        let all = queue.enqueued;
        while queue.done < all && Instant::now() < until {
            queue.is_awaited = true;
            self.awaited.notify_one();
            drop(queue);
            std::thread::sleep(Duration::from_millis(1));
            queue = lock(&self.queue);
        }
    }

    /// Writes groups until nobody waits.
    fn write_all(&self) {
        let mut journal = lock(&self.journal);
        while let Some(group) = self.next_group() {
            self.write(&mut journal, group);
        }
    }

    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut queue = lock(&self.queue);
        while let Some(rest) = queue.gathers(Instant::now()) {
            queue = self.awaited.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut bytes = 0;
        let fits = queue.waiting.iter().take_while(|waiting| {
            bytes += waiting.entry.len();
            bytes <= GROUP_BYTES_MAX
        });
        let count = fits.count();
        let group: Vec<_> = queue.waiting.drain(..count).collect();
        queue.is_awaited = queue.waiting.iter().any(|waiting| waiting.done.is_some());
        queue.writing = group.first().map(|oldest| oldest.since);
        queue.bytes -= group.iter().map(|waiting| waiting.entry.len()).sum::<usize>();
        (!group.is_empty()).then_some(group)
    }

    fn write(&self, journal: &mut Journal, group: Vec<Waiting>) {
        let mut payload = Vec::with_capacity(group.iter().map(|waiting| waiting.entry.len() + 2).sum());
        group.iter().for_each(|waiting| files::add_to_bundle(&mut payload, &waiting.entry));
        let (first, count) = (journal.next(), group.len() as u64);
        self.groups.add(1);
        match journal.append(group.len() as u64, &payload) {
            Ok(()) => {
                lock(&self.queue).failure = None;
                self.keep(&group);
                for (index, waiting) in (first..).zip(group) {
                    tell(waiting.done, Ok(index));
                }
            }
            Err(error) => {
                let cause = Chain(&error).to_string();
                tracing::error!(error = %cause, entries = group.len(), "the audit log could not be written");
                lock(&self.queue).failure = Some(cause.clone());
                self.lost.add(group.iter().filter(|waiting| waiting.done.is_none()).count() as u64);
                group.into_iter().for_each(|waiting| tell(waiting.done, Err(cause.clone())));
            }
        }
        lock(&self.queue).done += count;
        if lock(&self.durable).bytes > UNPUBLISHED_BYTES {
            self.absorb();
        }
    }

    fn keep(&self, group: &[Waiting]) {
        let mut durable = lock(&self.durable);
        durable.size += group.len() as u64;
        durable.bytes += group.iter().map(|waiting| waiting.entry.len()).sum::<usize>();
        durable.entries.extend(group.iter().map(|waiting| waiting.entry.clone()));
    }

    /// Brings the entries that are on disk into the tree.
    fn absorb(&self) {
        let mut tree = lock(&self.tree);
        self.absorb_into(&mut tree);
    }

    fn absorb_into(&self, tree: &mut Tree) {
        let entries = {
            let mut durable = lock(&self.durable);
            durable.bytes = 0;
            std::mem::take(&mut durable.entries)
        };
        entries.iter().for_each(|entry| tree.push(entry));
    }

    /// Publishes what is on disk, and removes what the journal need not keep any longer.
    pub(super) fn publish(&self) -> Result<Arc<Published>, AuditError> {
        let mut tree = lock(&self.tree);
        self.absorb_into(&mut tree);
        if tree.publish(&self.key)? {
            self.published.store(Arc::new(tree.published().clone()));
        }
        let size = tree.published().checkpoint.size;
        drop(tree);
        // The writer of entries is not waited for: the next publishing removes what this one leaves.
        if let Ok(mut journal) = self.journal.try_lock() {
            journal.trim(size)?;
        }
        Ok(self.published.load_full())
    }

    pub(super) fn write_file(&self, name: &str, content: &[u8]) -> Result<(), AuditError> {
        lock(&self.tree).write_file(name, content)
    }

    pub(super) fn status(&self) -> AuditStatus {
        AuditStatus {
            size: lock(&self.durable).size,
            published: self.published.load().checkpoint.size,
            groups: self.groups.get(),
            lost: self.lost.get(),
            failure: lock(&self.queue).failure.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn stall(&self) -> impl Sized {
        lock(&self.journal)
    }

    #[cfg(test)]
    pub(super) fn set_fault(&self, fault: Option<super::journal::Fault>) {
        lock(&self.journal).fault = fault;
    }
}

/// Nothing here is left half done by a panic: what a lock guards is changed in one step or counted from disk.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who hung up does not wait for an answer.
fn tell(done: Option<Done>, answer: Result<u64, String>) {
    if let Some(done) = done {
        drop(done.send(answer));
    }
}
