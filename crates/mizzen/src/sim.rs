//! `mizzen sim serve`: the simulated engine on a port.

use anyhow::Context as _;
use mizzen_runtime::listen;
use mizzen_runtime::log::{self, LogConfig};
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use mizzen_sim::SimConfig;

use crate::cli::SimServeArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) async fn serve(args: SimServeArgs) -> Result<(), Failure> {
    log::init(&LogConfig::default()).context("failed to start the log")?;
    let config = match &args.script {
        Some(file) => read(file).map_err(Failure::Usage)?,
        None => SimConfig::default(),
    };
    let tasks = TaskGroup::new();
    let listener = listen::bind("--listen", args.listen).context("failed to start the simulated engine")?;
    let address = listener.local_addr().context("failed to read the listener's address")?;
    listen::serve(
        listener,
        None,
        mizzen_sim::router(config),
        &tasks,
        listen::ListenLimits::new(&Metrics::new(), "sim_connections"),
    );
    output::data(&format!("ready http://{address}"))?;
    crate::up::signals::wait().await?;
    tasks.drain(crate::up::DRAIN).await;
    Ok(())
}

fn read(file: &std::path::Path) -> anyhow::Result<SimConfig> {
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    SimConfig::parse(&text).with_context(|| format!("`{}` is not a simulator script", file.display()))
}
