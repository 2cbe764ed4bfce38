//! `mizzen run -- CMD`: an unmodified agent, with its model calls and its OpenTelemetry through Mizzen.

mod child;
mod digest;
mod environment;
mod keep;
mod report;
mod root_span;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use mizzen_control::keys::NAME_BYTES_MAX;
use mizzen_model::id::{Digest, RunId};
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::secret::Secret;
use serde_json::json;
use url::{Host, Url};

use crate::cli::RunArgs;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

/// `env`'s exit code for its own failures (POSIX leaves 125 to the utility).
const EXIT_OWN_FAILURE: u8 = 125;
/// Keys of runs end by themselves when `mizzen run` cannot revoke them; a longer run's is extended.
const KEY_TTL_SECONDS: u64 = 7 * 24 * 3600;

/// How long the server may take over the run's last span, its summary and its key, once the agent is gone.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything the agent's process and its root span need to know.
#[derive(Debug)]
struct Launch {
    run_id: String,
    agent: String,
    key: Secret,
    key_id: String,
    /// From when it was made, as the server tells it.
    key_life: Duration,
    url: String,
    otlp_http: String,
    trace_parent: root_span::TraceParent,
    /// `None` when nothing tells what exactly runs.
    agent_digest: Option<Digest>,
    /// What the run is a trial of.
    case: Option<String>,
}

/// Runs the command to its end. The exit code is the command's own.
///
/// # Errors
/// When the server cannot be reached, or refuses a key: the command is then not started.
pub(crate) async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    let clock = Clock::system();
    let server = Server::find(&args.client)?;
    let ready = async {
        let launch = prepare(&server, &args).await?;
        Ok::<_, Failure>((launch, child::Signals::listen().context("failed to listen for signals")?))
    };
    let (launch, mut signals) = match ready.await {
        Ok(ready) => ready,
        Err(failure) => {
            failure.report();
            return Ok(ExitCode::from(EXIT_OWN_FAILURE));
        }
    };
    let started_at = clock.now();
    let environment = child::Environment { set: environment::variables(&launch), removed: environment::removed() };
    if args.agent.is_none() && !args.quiet && digest::interpreter(Path::new(&launch.agent)).is_some() {
        output::say(&format!(
            "mizzen: the agent is called `{}`, as its program; `--agent NAME` says better",
            launch.agent
        ));
    }
    let ended = tokio::select! {
        ended = child::run_to_end(&args.command, &environment, &mut signals) => ended,
        never = keep::keep_key(&server, &launch, &clock) => match never {},
    };
    let end = match ended {
        Ok(end) => end,
        Err(child::NotStarted { message, code }) => {
            // Nothing ran: there is no run to record, and no agent of this name.
            output::say(&format!("mizzen: {message}"));
            tokio::time::timeout(FINISH_TIMEOUT, revoke(&server, &launch)).await.ok();
            return Ok(ExitCode::from(code));
        }
    };
    let span = root_span::RootSpan { launch: &launch, command: &args.command, started_at, ended_at: clock.now(), end };
    let cut_short = tokio::select! {
        () = finish(&server, &launch, &span, args.quiet) => None,
        () = tokio::time::sleep(FINISH_TIMEOUT) => Some("the server does not answer"),
        () = signals.asked_to_end() => Some("interrupted"),
    };
    if let Some(why) = cut_short {
        output::say(&format!(
            "mizzen: {why}: the run may lack its last span; revoke its key with `mizzen keys revoke {}`",
            launch.key_id
        ));
    }
    Ok(ExitCode::from(child::exit_code(end)))
}

async fn prepare(server: &Server, args: &RunArgs) -> Result<Launch, Failure> {
    let about = server.get("/api/v1/about").await?;
    let told = about["otlp_http"].as_str().context("the server did not say where its OTLP receiver listens")?;
    let otlp_http = reachable(told, server.url())?;
    let agent = args.agent.clone().unwrap_or_else(|| agent_name(&args.command));
    let trace_parent = root_span::TraceParent::random()?;
    let run_id = RunId::of_process(trace_parent.trace_id).to_string();
    let own_digest = || args.agent_digest.clone().or_else(|| digest::of(&args.command));
    let agent_digest = if args.version.is_some() { None } else { own_digest() };
    let body = json!({ "name": key_name(&agent), "agent": agent, "team": args.team, "run_id": run_id,
        "agent_digest": agent_digest, "version": args.version, "ttl_seconds": KEY_TTL_SECONDS });
    let minted = server.post("/api/v1/keys", &body).await?;
    let key = minted["key"].as_str().context("the server did not hand out a key")?;
    // A version's digest is the catalog's to say.
    let agent_digest =
        minted["info"]["agent_digest"].as_str().map(str::parse).transpose().context("the key's digest")?;
    let key_life = keep::life_of(&minted["info"]).unwrap_or(Duration::from_secs(KEY_TTL_SECONDS));
    Ok(Launch {
        agent,
        key_life,
        key: Secret::new(key.to_owned()),
        key_id: minted["info"]["id"].as_str().unwrap_or_default().to_owned(),
        url: server.url().to_owned(),
        otlp_http,
        run_id,
        trace_parent,
        agent_digest,
        case: args.case.clone(),
    })
}

/// The address of the OTLP receiver as this machine can use it: `told` is what it is bound to there.
fn reachable(told: &str, server: &str) -> Result<String, Failure> {
    let parse =
        |text: &str| Url::parse(text).with_context(|| format!("`{text}` is not an address")).map_err(Failure::Usage);
    let (mut otlp, server) = (parse(told)?, parse(server)?);
    // A certificate is for the name by which the server was reached, and seldom for an address.
    let is_named = otlp.scheme() == "https" && is_loopback(&otlp) && is_loopback(&server);
    if is_any(&otlp) || is_named {
        otlp.set_host(server.host_str()).context("the server's address has no host").map_err(Failure::Usage)?;
    } else if is_loopback(&otlp) && !is_loopback(&server) && !is_any(&server) {
        return Err(Failure::no(format!(
            "the OTLP receiver of {server} listens on {told}, which is another machine's own: start that server with \
             `--otlp-http-listen 0.0.0.0:4318`, or set MIZZEN_URL to its loopback address where both are one machine"
        )));
    }
    Ok(otlp.as_str().trim_end_matches('/').to_owned())
}

/// Of the key that is made for one run; names of agents may be as long as those of keys.
fn key_name(agent: &str) -> String {
    let name = format!("mizzen run {agent}");
    name[..name.floor_char_boundary(NAME_BYTES_MAX)].to_owned()
}

/// `0.0.0.0` and `::` say where a server listens, not where it is.
fn is_any(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_unspecified(),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The agent's process is gone: whatever fails now is said, and changes nothing about its exit code.
async fn finish(server: &Server, launch: &Launch, span: &root_span::RootSpan<'_>, quiet: bool) {
    if let Err(failure) = root_span::send(span).await {
        failure.report();
    }
    if !quiet {
        report::print(server, launch).await;
    }
    revoke(server, launch).await;
}

async fn revoke(server: &Server, launch: &Launch) {
    let path = format!("/api/v1/keys/{}", encode(&launch.key_id));
    if let Err(failure) = server.json(Method::DELETE, &path, Bytes::new()).await {
        failure.report();
    }
}

/// `agent` for `python agent.py`, `my-agent` for `./bin/my-agent --fast`: the first argument that names a script, else the
/// program, without folder and extension.
fn agent_name(command: &[String]) -> String {
    let module = command.iter().position(|word| word == "-m").and_then(|at| command.get(at + 1));
    let named = digest::scripts(command).next().or(module.or(command.first()).map(String::as_str));
    let stem = named.and_then(|text| Path::new(text).file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    stem.unwrap_or_else(|| "agent".to_owned())
}

/// Nanoseconds as OTLP writes them.
fn otlp_nanos(at: Timestamp) -> String {
    at.unix_nanos().to_string()
}

#[cfg(test)]
mod testing {
    use std::time::Duration;

    use mizzen_runtime::secret::Secret;

    use super::Launch;
    use super::root_span::TraceParent;

    pub(super) fn launch() -> Launch {
        Launch {
            run_id: "run-1".into(),
            agent: "helm".into(),
            key: Secret::new("mzk_secret"),
            key_id: "k1".into(),
            key_life: Duration::from_secs(60),
            url: "http://127.0.0.1:7600".into(),
            otlp_http: "http://127.0.0.1:4318".into(),
            trace_parent: TraceParent::random().unwrap(),
            agent_digest: None,
            case: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{agent_name, key_name, reachable};

    #[test]
    fn the_key_of_a_run_has_a_name_that_keys_may_have() {
        assert_eq!(key_name("helm"), "mizzen run helm");
        let long = key_name(&"ü".repeat(64));
        assert_eq!((long.len(), long.chars().last()), (127, Some('ü')));
    }

    #[test]
    fn telemetry_goes_to_where_the_server_is() {
        let reached = |told: &str, server: &str| reachable(told, server).ok();
        let here = "http://127.0.0.1:4318";
        assert_eq!(reached(here, "http://127.0.0.1:7600").as_deref(), Some(here));
        assert_eq!(reached(here, "http://localhost:7600").as_deref(), Some(here));
        assert_eq!(reached(here, "https://mizzen.example:7600"), None);
        let by_name = reached("https://127.0.0.1:4318", "https://localhost:7600");
        assert_eq!(by_name.as_deref(), Some("https://localhost:4318"));
        assert_eq!(reached("http://10.0.0.7:4318", "http://10.0.0.8").as_deref(), Some("http://10.0.0.7:4318"));
        for any in ["https://0.0.0.0:4318", "https://[::]:4318"] {
            let there = reached(any, "https://mizzen.example:7600");
            assert_eq!(there.as_deref(), Some("https://mizzen.example:4318"));
        }
        assert_eq!(reached("http://0.0.0.0:4318", "http://[::1]:7600").as_deref(), Some("http://[::1]:4318"));
    }

    #[test]
    fn an_agent_is_called_after_its_script_module_or_program() {
        let name = |words: &[&str]| agent_name(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(name(&["python", "-u", "src/helm_agent.py", "--fast"]), "helm_agent");
        assert_eq!(name(&["python", "-m", "support_agent"]), "support_agent");
        assert_eq!(name(&["./bin/my-agent"]), "my-agent");
    }
}
