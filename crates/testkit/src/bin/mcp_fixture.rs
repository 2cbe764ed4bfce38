//! A tool server for tests: see `mizzen_testkit::mcp_fixture`.

use axum::serve::ListenerExt as _;
use clap::{Parser, ValueEnum};
use mizzen_testkit::mcp_fixture::{Fixture, FixtureOptions, proxy};

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    /// Of loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Be no tool server, but a door that adds `--key` to what goes to this address: `http://host:port`.
    #[arg(long, requires = "key")]
    proxy_to: Option<String>,
    /// For `--proxy-to`.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    fixture: FixtureOptions,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Transport {
    #[default]
    Http,
    Stdio,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let fixture = Fixture::new(arguments.fixture);
    let (router, path) = match (arguments.proxy_to, arguments.key, arguments.transport) {
        (Some(to), Some(key), _) => (proxy(&to, &key)?, ""),
        (_, _, Transport::Stdio) => return fixture.serve_stdio().await,
        (_, _, Transport::Http) => (fixture.router(), "/mcp"),
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", arguments.port)).await?;
    announce(&format!("ready http://{}{path}", listener.local_addr()?));
    // Else an answer in two parts waits 40 ms for the acknowledgement of the first.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

#[allow(clippy::print_stdout, reason = "whoever started it waits for this line")]
fn announce(line: &str) {
    println!("{line}");
}
