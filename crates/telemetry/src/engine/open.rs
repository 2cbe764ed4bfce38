//! Start-up: what is on disk becomes the state, then the tasks start, each handing on to the next.
//!
//! ```text
//! ingest ─► log writer ─► assembler ─► flusher ─► keeper ◄─ compactor, retention
//! ```
//!
//! Shutdown runs along the same arrows: a task ends when the one before it has, and has handed on everything.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use mizzen_model::run::RunSummary;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::{TaskGroup, TaskKind};
use mizzen_store::{DataDir, Store};
use object_store::ObjectStore;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::assembler::{Assembler, Command};
use super::compact::Compactor;
use super::config::{TelemetryConfig, nanos};
use super::error::OpenError;
use super::flusher::{Flusher, SegmentNames};
use super::handle::Telemetry;
use super::health::Health;
use super::index::Index;
use super::index::runs::Told;
use super::index::totals::Totals;
use super::ingest::{Ingest, QUEUED_REQUESTS_MAX};
use super::inventory::{Inventory, LeftAlone};
use super::keeper::{Keeper, Message};
use super::log_writer::{Append, Durable, GROUP_REQUESTS_MAX, LogWriter, Trim};
use super::progress::Progress;
use super::repeats::Repeats;
use super::retention::{self, RetentionPolicy};
use super::run_reader::RunReader;
use super::runs::{Finality, Runs};
use super::segment::read::SegmentReader;
use super::view::View;
use super::wal::{DiskFolder, LogFolder, Recovery, Wal};
use super::{recorder, restored};
use crate::capture::CapturePolicy;
use crate::normalise::Normaliser;

/// Where a backup has its segments, and where they stay when no other object storage is configured.
const SEGMENTS: &str = "segments";
const COMMANDS_MAX: usize = 256;
const MESSAGES_MAX: usize = 64;
/// Summaries that a slow listener may be behind before it loses some.
const SUMMARIES_MAX: usize = 1_024;

/// What telemetry is built on.
#[derive(Debug, Clone)]
pub struct Parts {
    pub store: Store,
    pub objects: Arc<dyn ObjectStore>,
    pub data_dir: DataDir,
    pub clock: Clock,
    pub metrics: Metrics,
    pub tasks: TaskGroup,
    pub normaliser: Arc<Normaliser>,
    pub capture: Arc<CapturePolicy>,
}

impl Telemetry {
    /// Opens what is stored, reads back what was acknowledged and not yet stored, and starts the tasks.
    ///
    /// # Errors
    /// When the log is damaged, a newer release wrote it, or storage does not answer.
    pub async fn open(config: TelemetryConfig, parts: Parts) -> Result<Self, OpenError> {
        let wal_folder = folder(&parts.data_dir, "wal")?;
        let io = |source| OpenError::Folder { folder: "wal", source };
        let disk = DiskFolder::open(wal_folder.clone()).map_err(io)?;
        let node = super::node::id(&wal_folder).map_err(io)?;
        let index = Index::new(parts.store.clone(), node.clone(), parts.clock.clone());
        restored::take_over(&index, &wal_folder, &parts.data_dir.join(SEGMENTS)).await?;
        Self::open_with(config, parts, Box::new(disk), node).await
    }

    pub(crate) async fn open_with(
        config: TelemetryConfig,
        parts: Parts,
        log: Box<dyn LogFolder>,
        node: String,
    ) -> Result<Self, OpenError> {
        let health = Health::new(&parts.metrics);
        let index = Index::new(parts.store.clone(), node.clone(), parts.clock.clone());
        let state = index.node_state().await?;
        let (segments, hidden) = index.segments().await?;
        let names = SegmentNames::new(&node, state.next_segment);
        let mut inventory = Inventory::take(parts.objects.clone(), &names).await?;
        let left_alone = inventory.sweep(&names, &segments, &index).await?;
        inventory.check(&segments, &parts.data_dir.join(SEGMENTS), &health).await?;
        health.tell_unread(&index.others_segments().await?);
        let totals = Arc::new(RwLock::new(Totals::load(&index).await?));
        let view = Arc::new(View::with_segments(segments, hidden));
        let reader = SegmentReader::new(parts.objects.clone(), folder(&parts.data_dir, "scratch")?);
        let runs = RunReader::new(view.clone(), reader.clone(), index.clone());
        let (summaries, _) = broadcast::channel(SUMMARIES_MAX);
        let progress = Arc::new(Progress::starting_at(state.flushed_through));
        let engine = Engine { config, parts, health, progress, index, names, view, reader, runs, totals, summaries };
        engine.start(log, state.flushed_through, left_alone).await
    }
}

/// Everything that tasks share.
struct Engine {
    config: TelemetryConfig,
    parts: Parts,
    health: Health,
    progress: Arc<Progress>,
    index: Index,
    names: SegmentNames,
    view: Arc<View>,
    reader: SegmentReader,
    runs: RunReader,
    totals: Arc<RwLock<Totals>>,
    summaries: broadcast::Sender<RunSummary>,
}

impl Engine {
    async fn start(
        self,
        log: Box<dyn LogFolder>,
        flushed_through: u64,
        left_alone: Vec<LeftAlone>,
    ) -> Result<Telemetry, OpenError> {
        let (trim, trimmed) = watch::channel(Trim { stored: flushed_through, erase: 0 });
        let work = Arc::new(Notify::new());
        let keeper = self.start_keeper(flushed_through, left_alone, trim, work.clone());
        let flusher = self.start_flusher(keeper.clone());
        let repeats = Repeats::new(&self.parts.metrics);
        let assembler = self.start_assembler(flushed_through, keeper.clone(), flusher, repeats.clone());
        let (commands, durable) = assembler.await?;
        let compactions = self.start_compactor(keeper.downgrade(), work);
        self.start_retention(keeper.downgrade(), commands.clone());
        drop(keeper);
        let (queue, queued) = mpsc::channel::<Append>(GROUP_REQUESTS_MAX);
        let Parts { capture, normaliser, .. } = &self.parts;
        let ingest = Ingest::new(capture.clone(), normaliser.clone(), queue, repeats, self.health.clone());
        let recovery = replay(log, &ingest, &durable, &self.progress, flushed_through).await?;
        let wal = blocking(move || {
            let mut wal = Wal::open(recovery, flushed_through)?;
            wal.trim(flushed_through, 0)?;
            Ok(wal)
        });
        let folder = self.parts.data_dir.join("wal");
        let wal = wal.await?.map_err(|source| OpenError::LogWrite { folder, source })?;
        self.health.set_wal_bytes(wal.bytes());
        // The log takes what the recorder still has before it ends.
        let recorded = CancellationToken::new();
        let writer = LogWriter {
            wal,
            queue: queued,
            durable,
            trim: trimmed,
            progress: self.progress.clone(),
            health: self.health.clone(),
        };
        let stop = recorded.clone();
        self.parts.tasks.spawn(TaskKind::WalWriter, move |_| writer.run(stop));
        let records = self.start_recorder(ingest.clone(), recorded);
        self.health.set_segments(self.view.segment_count());
        let Self { index, view, runs, totals, summaries, health, progress, .. } = self;
        Ok(Telemetry { ingest, records, commands, compactions, index, view, runs, totals, summaries, health, progress })
    }

    fn start_keeper(
        &self,
        flushed_through: u64,
        left_alone: Vec<LeftAlone>,
        trim: watch::Sender<Trim>,
        work: Arc<Notify>,
    ) -> mpsc::Sender<Message> {
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let keeper = Keeper {
            messages,
            index: self.index.clone(),
            view: self.view.clone(),
            runs: self.runs.clone(),
            reader: self.reader.clone(),
            objects: self.parts.objects.clone(),
            names: self.names.clone(),
            flushed_through,
            quiet_ns_max: nanos(self.config.idle_after.max(self.config.final_after)),
            totals: self.totals.clone(),
            trim,
            work,
            health: self.health.clone(),
            retired: Vec::new(),
            left_alone,
            gave_up: false,
        };
        self.parts.tasks.spawn(TaskKind::Flusher, move |cancel| keeper.run(cancel));
        sender
    }

    fn start_flusher(&self, keeper: mpsc::Sender<Message>) -> mpsc::Sender<super::flusher::FlushJob> {
        let (sender, jobs) = mpsc::channel(1);
        let (objects, names, health) = (self.parts.objects.clone(), self.names.clone(), self.health.clone());
        let flusher = Flusher { jobs, keeper, objects, names, health };
        self.parts.tasks.spawn(TaskKind::Flusher, move |cancel| flusher.run(cancel));
        sender
    }

    async fn start_assembler(
        &self,
        flushed_through: u64,
        keeper: mpsc::Sender<Message>,
        flusher: mpsc::Sender<super::flusher::FlushJob>,
        repeats: Repeats,
    ) -> Result<(mpsc::Sender<super::assembler::Command>, mpsc::Sender<Vec<Durable>>), OpenError> {
        let (commands_sender, commands) = mpsc::channel(COMMANDS_MAX);
        // Never full, because every record takes a share of the memory that requests may take: so the log goes on
        // while the assembler waits for storage, and senders are told to wait only when memory is full.
        let (durable_sender, durable) = mpsc::channel(QUEUED_REQUESTS_MAX);
        let (after_root_ns, idle_ns) = (nanos(self.config.final_after), nanos(self.config.idle_after));
        let mut runs = Runs::new(Finality { after_root_ns, idle_ns });
        self.index.run_ids(|run_id| runs.note_stored(run_id)).await?;
        let assembler = Assembler {
            durable,
            commands,
            runs: Some(Box::new(runs)),
            view: self.view.clone(),
            reader: self.runs.clone(),
            keeper,
            flusher,
            summaries: self.summaries.clone(),
            clock: self.parts.clock.clone(),
            config: self.config.clone(),
            health: self.health.clone(),
            progress: self.progress.clone(),
            repeats,
            applied_lsn: flushed_through,
            frozen_lsn: flushed_through,
            received: None,
            flushing: None,
            told_until: Told::all_until(self.parts.clock.now()),
            unwatched_at: None,
            finalised: None,
        };
        self.parts.tasks.spawn(TaskKind::Assembler, move |cancel| assembler.run(cancel));
        Ok((commands_sender, durable_sender))
    }

    fn start_compactor(
        &self,
        keeper: mpsc::WeakSender<Message>,
        work: Arc<Notify>,
    ) -> mpsc::Sender<oneshot::Sender<()>> {
        let (sender, requests) = mpsc::channel(COMMANDS_MAX);
        let compactor = Compactor {
            view: self.view.clone(),
            reader: self.reader.clone(),
            objects: self.parts.objects.clone(),
            names: self.names.clone(),
            keeper,
            work,
            requests,
            clock: self.parts.clock.clone(),
            health: self.health.clone(),
            lost: BTreeSet::new(),
            owes_everything: false,
        };
        self.parts.tasks.spawn(TaskKind::Compactor, move |cancel| compactor.run(cancel));
        sender
    }

    fn start_retention(&self, keeper: mpsc::WeakSender<Message>, commands: mpsc::Sender<Command>) {
        let policy = RetentionPolicy::of(&self.config);
        let clock = self.parts.clock.clone();
        self.parts
            .tasks
            .spawn(TaskKind::Retention, move |cancel| retention::run(policy, clock, keeper, commands, cancel));
    }

    fn start_recorder(
        &self,
        ingest: Ingest,
        recorded: CancellationToken,
    ) -> mpsc::Sender<mizzen_model::span::SpanRecord> {
        let (sender, records) = mpsc::channel(recorder::RECORDS_MAX);
        let (clock, health) = (self.parts.clock.clone(), self.health.clone());
        self.parts.tasks.spawn(TaskKind::Recorder, move |cancel| async move {
            let _stop_log = recorded.drop_guard();
            recorder::run(records, ingest, clock, health, cancel).await
        });
        sender
    }
}

/// Feeds the records that are not in segments yet to the assembler. It waits for each file to be taken, so that only
/// one is in memory.
async fn replay(
    log: Box<dyn LogFolder>,
    ingest: &Ingest,
    durable: &mpsc::Sender<Vec<Durable>>,
    progress: &Progress,
    flushed_through: u64,
) -> Result<Recovery, OpenError> {
    let mut recovery = blocking(move || Wal::recover(log)).await??;
    loop {
        let (ingest, again) = (ingest.clone(), recovery);
        let (returned, group) = blocking(move || next_group(again, &ingest, flushed_through)).await??;
        recovery = returned;
        let Some(group) = group else { return Ok(recovery) };
        if let Some(last_lsn) = group.last().map(|record| record.lsn) {
            durable.send(group).await.map_err(|_| OpenError::Stopped)?;
            tokio::select! {
                () = progress.applied_through(last_lsn) => {}
                () = durable.closed() => return Err(OpenError::Stopped),
            }
        }
    }
}

type Group = (Recovery, Option<Vec<Durable>>);

fn next_group(mut recovery: Recovery, ingest: &Ingest, flushed_through: u64) -> Result<Group, OpenError> {
    let Some(records) = recovery.next_file()? else { return Ok((recovery, None)) };
    let mut group = Vec::new();
    for record in records.iter().filter(|record| record.lsn > flushed_through) {
        if let Some(batch) = ingest.replay(record)? {
            group.push(Durable { lsn: record.lsn, batch });
        }
    }
    Ok((recovery, Some(group)))
}

fn folder(data_dir: &DataDir, folder: &'static str) -> Result<std::path::PathBuf, OpenError> {
    data_dir.folder(folder).map_err(|source| OpenError::DataDir { folder, source })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| OpenError::Stopped)
}

#[cfg(test)]
mod tests;
