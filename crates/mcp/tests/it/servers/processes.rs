//! Child processes: bounded, restarted with patience, and gone when they are to be gone.

use std::time::{Duration, Instant};

use mizzen_mcp::seam::Upstream as _;
use mizzen_mcp::servers::{ServerConfig, Transport};
use mizzen_testkit::mcp_fixture;
use serde_json::json;

use super::support::{Bench, no_capabilities, script};

/// A server of the older era in shell: it answers by the number of the line that it reads.
const GREETING: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
id() { printf '%s' "$1" | sed 's/.*"id":\([0-9]*\).*/\1/'; }
echo "I am no JSON"
while read -r line; do
  case "$line" in
    *server/discover*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$(id "$line")" ;;
    *'"initialize"'*) answer "$(id "$line")" '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}' ;;
    *tools/list*) answer "$(id "$line")" '{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}' ;;
    *tools/call*) CALL ;;
  esac
done
"#;

pub(super) fn shell(name: &str, call: &str) -> ServerConfig {
    script(name, &GREETING.replace("CALL", call))
}

/// Processes whose command line has `mark`.
fn running(mark: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
}

pub(super) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_child_sees_only_its_own_environment_and_its_complaints_are_kept() {
    let mut config = shell(
        "env",
        r#"answer "$(id "$line")" "{\"content\":[{\"type\":\"text\",\"text\":\"$(env | sort | tr '\n' ' ')\"}]}"; echo oops >&2"#,
    );
    if let Transport::Stdio { env, .. } = &mut config.transport {
        env.insert("COLOUR".into(), "blue".into());
    }
    let bench = Bench::with(vec![config]).await;
    let client = bench.client("env", "x", no_capabilities()).await.unwrap();
    let text = client.call("t", json!({})).await.text();
    assert!(text.contains("COLOUR=blue") && text.contains("PATH=/usr/local/bin"), "{text}");
    assert!(!text.contains("CARGO") && !text.contains("HOME="), "{text}");
    wait_until("standard error", || bench.server("env").stderr() == ["oops"]).await;
    bench.drain().await;
}

#[tokio::test]
async fn nothing_that_a_child_started_outlives_it() {
    // It ignores requests to end, and leaves a grandchild.
    let mark = format!("60{}", std::process::id());
    let config = script("stubborn", &format!("trap '' TERM; sleep {mark} & {GREETING}"));
    let bench = Bench::with(vec![config]).await;
    assert_eq!(bench.tools("stubborn").await.len(), 1);
    assert!(running(&mark) >= 1);
    let begun = Instant::now();
    bench.drain().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    wait_until("the grandchild is killed", || running(&mark) == 0).await;
}

#[tokio::test]
async fn a_child_that_dies_is_started_again_and_one_that_cannot_start_is_tried_with_patience() {
    let dying = shell("dying", r#"exit 3"#);
    let absent = ServerConfig::new("absent", Transport::stdio("/no/such/program", [""; 0]));
    let bench = Bench::with(vec![dying, absent]).await;
    let client = bench.client("dying", "x", no_capabilities()).await.unwrap();
    assert_eq!(client.call("t", json!({})).await.error().code(), "upstream_lost");
    assert_eq!(bench.tools("dying").await.len(), 1, "it was started again");
    let error = bench.server("absent").about().await.unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    let begun = Instant::now();
    for _ in 0..100 {
        bench.server("absent").about().await.unwrap_err();
    }
    assert!(begun.elapsed() < Duration::from_millis(500), "the next attempt waits");
    bench.drain().await;
}

#[tokio::test]
async fn floods_and_endless_lines_end_the_child_and_a_deaf_one_times_out() {
    let endless =
        ServerConfig { result_bytes_max: 64 << 10, ..shell("endless", "head -c 10000000 /dev/zero | tr '\\0' x") };
    let deaf = ServerConfig { call_timeout_seconds: 1, ..shell("deaf", "sleep 30") };
    let bench = Bench::with(vec![endless, deaf]).await;
    let client = bench.client("endless", "x", no_capabilities()).await.unwrap();
    assert_eq!(client.call("t", json!({})).await.error().code(), "upstream_lost");
    assert!(bench.metrics.render().contains("mizzen_limit_refusals_total{limit=\"mcp_message_bytes\"} 1"));
    let client = bench.client("deaf", "x", no_capabilities()).await.unwrap();
    let begun = Instant::now();
    let large = "x".repeat(300_000);
    // More than a pipe and our queue hold: the first does not block the rest for ever.
    let calls = (0..3).map(|_| client.call("t", json!({ "text": large })));
    for outcome in futures::future::join_all(calls).await {
        assert_eq!(outcome.error().code(), "upstream_timeout");
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    bench.drain().await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_harms_its_own_call_only() {
    // Every other answer is late, and the large ones say whose they are at their end.
    let call = r#"case "$line" in
      *large*) printf '{"result":{"text":"'; head -c 300000 /dev/zero | tr '\0' x; printf '"},"jsonrpc":"2.0","id":%s}\n' "$(id "$line")" ;;
      *) (sleep 1; answer "$(id "$line")" '{"content":[{"type":"text","text":"'$$'"}]}') & ;;
    esac"#;
    let config = ServerConfig { result_bytes_max: 64 << 10, ..shell("s", call) };
    let bench = Bench::with(vec![config]).await;
    let client = bench.client("s", "x", no_capabilities()).await.unwrap();
    let process = client.call("t", json!({})).await.text();
    let (small, large) = tokio::join!(client.call("t", json!({})), client.call("t", json!({ "large": 1 })));
    assert_eq!(large.error().code(), "upstream_limit");
    let told = large.error().to_string();
    assert!(told.contains("is more than 65536") && told.contains("`result_bytes_max`"), "{told}");
    assert_eq!(small.text(), process, "the call beside it has its answer");
    assert_eq!(client.call("t", json!({})).await.text(), process, "and the process is the same");
    assert!(bench.metrics.render().contains("mizzen_limit_refusals_total{limit=\"mcp_message_bytes\"} 1"));
    bench.drain().await;
}

#[tokio::test]
async fn there_are_never_more_processes_than_allowed() {
    let program = mcp_fixture::program().unwrap().display().to_string();
    let transport = Transport::stdio(program, ["--transport", "stdio", "--eras", "stateful"]);
    let config = ServerConfig { processes_max: 3, ..ServerConfig::new("few", transport) };
    let bench = Bench::with(vec![config]).await;
    let capabilities = || json!({ "sampling": {} });
    for number in 0..6 {
        let client = bench.client("few", &format!("client-{number}"), capabilities()).await.unwrap();
        let outcome = client.call("test_sampling", json!({ "prompt": "?" })).await;
        assert_eq!(outcome.text(), "LLM response: Paris", "the one that was idle longest made room");
        assert!(bench.server("few").in_use().0 <= 3);
    }
    // While all are busy, one more is told so.
    let clients = [
        bench.client("few", "a", capabilities()).await.unwrap(),
        bench.client("few", "b", capabilities()).await.unwrap(),
        bench.client("few", "c", capabilities()).await.unwrap(),
    ];
    let busy = async |client: &super::support::Client, wait: u64| {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        client.call("slow_compute", json!({ "seconds": 2 })).await
    };
    let (first, second, third) = tokio::join!(busy(&clients[0], 0), busy(&clients[1], 200), busy(&clients[2], 700));
    assert_eq!((first.text().as_str(), second.text().as_str()), ("Computed.", "Computed."));
    assert_eq!(third.error().code(), "upstream_limit");
    bench.drain().await;
    let mark = format!("{}few", std::process::id());
    assert_eq!(running(&mark), 0);
}
