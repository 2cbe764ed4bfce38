//! `bench proxy`: what a gateway adds to a model call, beside routers that people put there.
//!
//! All of them stand before the same simulated engines and get the same calls, one after the other. The engines answer
//! at once in the first part, so that the gateway is what is measured; in the second part they stream at the pace of a
//! real one.

mod candidate;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::Value;

use self::candidate::{Candidate, Target};
use super::server::{Folder, Server};
use super::table::{self, mebibytes, thousands};
use super::{binary, load};

#[derive(Debug, Args)]
pub(super) struct ProxyArgs {
    /// Seconds of each load.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Only these, by name; without it all of them.
    #[arg(long)]
    only: Vec<String>,
}

/// As many as the routers are usually shown with; Mizzen sends to one, since it does not balance yet.
const ENGINES: usize = 3;
const CHUNKS: u32 = 100;

pub(super) fn run(args: &ProxyArgs) -> Result<()> {
    let folder = Folder::new("engines")?;
    let instant = engines(&folder, "instant", "")?;
    let paced = engines(&folder, "paced", "[latency]\nfirst_token_ms = 20\ntoken_ms = 5\n")?;
    let direct = Direct {
        busy: calls(&args.load(&instant[0].url, "", args.connections))?,
        quiet: calls(&args.load(&instant[0].url, "", 1))?,
        streamed: calls(&args.stream(&paced[0].url, ""))?,
    };
    let mut rows = (vec![direct.whole_row()], vec![direct.stream_row()]);
    for candidate in
        Candidate::ALL.into_iter().filter(|c| args.only.is_empty() || args.only.iter().any(|o| o == c.name()))
    {
        let measured = candidate.install().and_then(|programs| {
            let whole = measure_whole(args, candidate, &programs, &instant, &direct)?;
            Ok((whole, measure_stream(args, candidate, &programs, &paced, &direct)?))
        });
        match measured {
            Ok((whole, stream)) => {
                rows.0.push(whole);
                rows.1.push(stream);
            }
            // Mizzen not running is a failure; a peer not running is a row that says so.
            Err(error) if candidate == Candidate::Mizzen => return Err(error),
            Err(error) => rows.0.push(table::not_run(candidate.package(), &error)),
        }
    }
    let title = format!("cargo xtask bench proxy: chat calls of 2 KB, {} connections", args.connections);
    let headings =
        ["gateway", "calls/s", "CPU us/call", "p50 ms", "added p50 ms", "p99 ms", "added p50 ms, 1 conn.", "resident"];
    table::print(&title, &headings, &rows.0);
    let title = format!("streams of {CHUNKS} tokens, 5 ms apart, {} connections", args.connections);
    let headings = ["gateway", "streams/s", "CPU us/chunk", "first byte p50 ms", "added ms", "resident"];
    table::print(&title, &headings, &rows.1);
    Ok(())
}

/// The same load without a gateway.
struct Direct {
    busy: Value,
    quiet: Value,
    streamed: Value,
}

impl Direct {
    fn whole_row(&self) -> Vec<String> {
        let none = || "-".to_owned();
        let rate = thousands(number(&self.busy, "/requests_per_second"));
        vec![
            "(direct)".to_owned(),
            rate,
            none(),
            ms(p50(&self.busy)),
            none(),
            ms(number(&self.busy, "/latency/p99_us")),
            none(),
        ]
    }

    fn stream_row(&self) -> Vec<String> {
        let none = || "-".to_owned();
        let rate = format!("{:.1}", number(&self.streamed, "/requests_per_second"));
        vec!["(direct)".to_owned(), rate, none(), ms(first_byte(&self.streamed)), none()]
    }
}

fn measure_whole(
    args: &ProxyArgs,
    candidate: Candidate,
    programs: &Target,
    engines: &[Server],
    direct: &Direct,
) -> Result<Vec<String>> {
    let gateway = candidate.start(programs, engines)?;
    let tree = gateway.tree();
    // What the warm-up leaves to be done belongs to the warm-up.
    gateway.settle(&calls(&args.load(gateway.url(), gateway.key(), args.connections))?)?;
    let cpu_before = tree.cpu_micros()?;
    let busy = calls(&args.load(gateway.url(), gateway.key(), args.connections))?;
    gateway.settle(&busy)?;
    let cpu = (tree.cpu_micros()? - cpu_before) as f64;
    let quiet = calls(&args.load(gateway.url(), gateway.key(), 1))?;
    Ok(vec![
        candidate.package().to_owned(),
        thousands(number(&busy, "/requests_per_second")),
        format!("{:.0}", cpu / number(&busy, "/requests")),
        ms(p50(&busy)),
        ms(p50(&busy) - p50(&direct.busy)),
        ms(number(&busy, "/latency/p99_us")),
        ms(p50(&quiet) - p50(&direct.quiet)),
        mebibytes(tree.resident_bytes()?),
    ])
}

fn measure_stream(
    args: &ProxyArgs,
    candidate: Candidate,
    programs: &Target,
    engines: &[Server],
    direct: &Direct,
) -> Result<Vec<String>> {
    let gateway = candidate.start(programs, engines)?;
    let tree = gateway.tree();
    // One short round, so that connections and code are warm.
    let warm = ProxyArgs { seconds: 1, only: Vec::new(), ..*args }.stream(gateway.url(), gateway.key());
    gateway.settle(&calls(&warm)?)?;
    let cpu_before = tree.cpu_micros()?;
    let streamed = calls(&args.stream(gateway.url(), gateway.key()))?;
    gateway.settle(&streamed)?;
    let cpu = (tree.cpu_micros()? - cpu_before) as f64;
    Ok(vec![
        candidate.package().to_owned(),
        format!("{:.1}", number(&streamed, "/requests_per_second")),
        format!("{:.1}", cpu / number(&streamed, "/chunks")),
        ms(first_byte(&streamed)),
        ms(first_byte(&streamed) - first_byte(&direct.streamed)),
        mebibytes(tree.resident_bytes()?),
    ])
}

impl ProxyArgs {
    fn load(&self, url: &str, key: &str, connections: u32) -> Vec<String> {
        let seconds = self.seconds.to_string();
        let words =
            ["calls", "--url", url, "--key", key, "--connections", &connections.to_string(), "--seconds", &seconds];
        words.map(str::to_owned).to_vec()
    }

    fn stream(&self, url: &str, key: &str) -> Vec<String> {
        let mut words = self.load(url, key, self.connections);
        words.push("--stream".to_owned());
        words
    }
}

fn engines(folder: &Folder, name: &str, latency: &str) -> Result<Vec<Server>> {
    let script = folder.0.join(format!("{name}.toml"));
    std::fs::write(&script, format!("models = [\"sim-1\"]\nanswer_tokens = {CHUNKS}\n{latency}"))?;
    let start = |index: usize| {
        let mut command = Command::new(binary("mizzen"));
        command.args(["sim", "serve", "--listen", "127.0.0.1:0", "--script"]).arg(&script);
        Server::start_own(&mut command, &folder.0.join(format!("{name}-{index}.log")))
            .context("failed to start an engine")
    };
    (0..ENGINES).map(start).collect()
}

/// One load; errors in it make its numbers meaningless.
fn calls(words: &[String]) -> Result<Value> {
    let report = load(words)?;
    let (requests, errors) = (number(&report, "/requests"), number(&report, "/errors"));
    ensure!(
        requests > 0.0 && errors == 0.0,
        "{errors} of {} calls failed: {}",
        requests + errors,
        report["first_error"]
    );
    std::thread::sleep(Duration::from_millis(200));
    Ok(report)
}

fn number(report: &Value, pointer: &str) -> f64 {
    report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn p50(report: &Value) -> f64 {
    number(report, "/latency/p50_us")
}

fn first_byte(report: &Value) -> f64 {
    number(report, "/first_byte/p50_us")
}

fn ms(micros: f64) -> String {
    format!("{:.2}", micros / 1000.0)
}
