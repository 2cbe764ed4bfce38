//! What a span costs the engine alone, without HTTP: a file of OTLP requests is decoded and ingested in this process.
//!
//! ```text
//! engine_load make FILE SPANS     writes requests of 500 spans to FILE
//! engine_load run FILE FOLDER     ingests them into a fresh FOLDER, waits for rest, and says what it cost
//! engine_load read FOLDER         opens FOLDER and times run list and run by id
//! ```
#![allow(clippy::print_stdout, reason = "this is a command-line tool")]
#![allow(clippy::disallowed_methods, reason = "one task per connection, as a server has")]

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use mizzen_model::price::PriceTable;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::{DataDir, Store, StoreConfig, objects};
use mizzen_telemetry::capture::{CaptureConfig, CapturePolicy};
use mizzen_telemetry::decode::encode;
use mizzen_telemetry::normalise::{Limits, Normaliser};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{Columns, MIGRATIONS, Page, Parts, RunFilter, Telemetry, TelemetryConfig};
use mizzen_testkit::otlp::{Runs, SPANS_PER_RUN};
use tokio::sync::mpsc;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RUNS_PER_REQUEST: usize = 25;
const CONNECTIONS: usize = 4;
const START: u64 = 1_763_800_000_000_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", file, spans] => make(Path::new(file), spans.parse()?),
        ["run", file, folder] => runtime()?.block_on(ingest(Path::new(file), Path::new(folder))),
        ["read", folder] => runtime()?.block_on(read(Path::new(folder))),
        _ => bail!("engine_load make FILE SPANS | run FILE FOLDER | read FOLDER"),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn make(file: &Path, spans: usize) -> Result<()> {
    let mut runs = Runs::new(1, START);
    let mut out = BufWriter::new(File::create(file)?);
    for _ in 0..spans.div_ceil(RUNS_PER_REQUEST * SPANS_PER_RUN) {
        let body = encode(&runs.request(RUNS_PER_REQUEST));
        out.write_all(&u32::try_from(body.len())?.to_le_bytes())?;
        out.write_all(&body)?;
    }
    out.flush()?;
    println!("{} bytes", std::fs::metadata(file)?.len());
    Ok(())
}

async fn open(folder: &Path) -> Result<(Telemetry, TaskGroup)> {
    let data_dir = DataDir::open(folder)?;
    let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, MIGRATIONS).await?;
    let tasks = TaskGroup::new();
    let parts = Parts {
        store,
        objects: objects::open(None, &data_dir)?,
        data_dir,
        clock: Clock::system(),
        metrics: Metrics::new(),
        tasks: tasks.clone(),
        normaliser: Arc::new(Normaliser::new(PriceTable::built_in(&[])?, Limits::default())),
        capture: Arc::new(CapturePolicy::new(&CaptureConfig::default())?),
    };
    Ok((Telemetry::open(TelemetryConfig::default(), parts).await?, tasks))
}

async fn ingest(file: &Path, folder: &Path) -> Result<()> {
    let (telemetry, tasks) = open(folder).await?;
    let (cpu_before, started) = (cpu_seconds()?, Instant::now());
    let (sender, receiver) = mpsc::channel::<Bytes>(CONNECTIONS);
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (telemetry, receiver) = (telemetry.clone(), receiver.clone());
            tokio::spawn(async move {
                loop {
                    let body = receiver.lock().await.recv().await;
                    let Some(body) = body else { return anyhow::Ok(()) };
                    telemetry.ingest_traces_as_sent(body, Origin::unknown(Clock::system().now())).await?;
                }
            })
        })
        .collect();
    let reader = tokio::task::spawn_blocking({
        let file = file.to_owned();
        move || read_requests(&file, &sender)
    });
    reader.await??;
    for sender in senders {
        sender.await??;
    }
    println!("acknowledged after {:.2} s, {:.2} CPU s", started.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    telemetry.flush().await?;
    println!("flushed after {:.2} s, {:.2} CPU s", started.elapsed().as_secs_f64(), cpu_seconds()? - cpu_before);
    tokio::time::sleep(Duration::from_secs(14)).await;
    let cpu = cpu_seconds()? - cpu_before;
    let health = telemetry.health();
    report("as it rests", &health, folder, cpu)?;
    telemetry.compact_now().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    report("merged", &telemetry.health(), folder, cpu_seconds()? - cpu_before)?;
    println!("resident now and at most: {}", status(&["VmRSS", "VmHWM"])?);
    tasks.drain(Duration::from_secs(20)).await;
    Ok(())
}

fn report(what: &str, health: &mizzen_telemetry::IngestHealth, folder: &Path, cpu: f64) -> Result<()> {
    let spans = health.spans_received as f64;
    println!(
        "{what}: {spans} spans, {:.0} spans per CPU s; {} segments, {:.1} bytes per span in them, {:.1} in the folder",
        spans / cpu,
        health.segments,
        health.segment_bytes as f64 / spans,
        folder_bytes(folder)? as f64 / spans,
    );
    Ok(())
}

fn read_requests(file: &Path, sender: &mpsc::Sender<Bytes>) -> Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(file)?);
    let mut length = [0; 4];
    while file.read_exact(&mut length).is_ok() {
        let mut body = vec![0; usize::try_from(u32::from_le_bytes(length))?];
        file.read_exact(&mut body)?;
        sender.blocking_send(Bytes::from(body))?;
    }
    Ok(())
}

async fn read(folder: &Path) -> Result<()> {
    let started = Instant::now();
    let (telemetry, tasks) = open(folder).await?;
    println!("opened in {:.2} s; resident {}", started.elapsed().as_secs_f64(), status(&["VmRSS"])?);
    let (mut page, mut ids, mut list) = (Page { limit: 200, cursor: None }, Vec::new(), Vec::new());
    for _ in 0..100 {
        let started = Instant::now();
        let found = telemetry.runs(&RunFilter::default(), &page).await?;
        list.push(started.elapsed());
        ids.extend(found.items.iter().step_by(50).map(|run| run.run_id.clone()));
        page.cursor = found.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    let mut by_id = Vec::new();
    for id in ids.iter().step_by(ids.len().div_ceil(200)) {
        let started = Instant::now();
        let run = telemetry.run(id).await?.context("a listed run")?;
        let spans = telemetry.run_spans(id, Columns::Full).await?;
        by_id.push(started.elapsed());
        assert_eq!(spans.len(), run.spans as usize);
    }
    for (what, times) in [("run list", &mut list), ("run by id", &mut by_id)] {
        times.sort_unstable();
        println!(
            "{what}: {} times, p50 {:?}, p95 {:?}",
            times.len(),
            times[times.len() / 2],
            times[times.len() * 95 / 100]
        );
    }
    let started = Instant::now();
    println!("{} agents in {:?}", telemetry.agents().await.len(), started.elapsed());
    println!("resident now and at most: {}", status(&["VmRSS", "VmHWM"])?);
    tasks.drain(Duration::from_secs(20)).await;
    Ok(())
}

fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("a name")?.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}

fn status(names: &[&str]) -> Result<String> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let lines = text.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
    Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
}

fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { folder_bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
