//! A tool server for tests: see `mizzen_testkit::mcp_fixture`.

use clap::{Parser, ValueEnum};
use mizzen_testkit::mcp_fixture::{Fixture, FixtureOptions};

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    /// Of loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
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
    match arguments.transport {
        Transport::Stdio => fixture.serve_stdio().await,
        Transport::Http => {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", arguments.port)).await?;
            announce(&format!("ready http://{}/mcp", listener.local_addr()?));
            Ok(axum::serve(listener, fixture.router()).await?)
        }
    }
}

#[allow(clippy::print_stdout, reason = "whoever started it waits for this line")]
fn announce(line: &str) {
    println!("{line}");
}
