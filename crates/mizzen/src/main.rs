//! `mizzen`: command line, configuration, wiring and signals; every plane's logic lives in its own crate.

mod agents;
mod audit;
mod backup;
mod baseline;
mod catalog;
mod cli;
mod client;
mod config;
mod doctor;
mod eval;
mod failure;
mod import;
mod init;
mod keys;
mod label;
mod output;
mod permission;
mod policy;
mod query;
mod run;
mod runs;
mod scorecard;
mod sim;
mod tokens;
mod tools;
mod up;
mod xml;

use std::process::ExitCode;

use mizzen_runtime::lanes::BLOCKING_THREAD_WAITS;

use crate::cli::{Command, ConfigCommand, SimCommand};
use crate::failure::Failure;

// The default allocator of glibc keeps the memory of bursts; ingest is bursts.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => return eval::usage_exit(&error),
    };
    // Huge pages are zeroed whole: with an allocator that gives memory back and takes it again, ingest spent a fifth of its
    // time on that. A kernel that cannot switch them off is no reason not to start.
    rustix::thread::disable_transparent_huge_pages(true).ok();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.enable_all().thread_keep_alive(BLOCKING_THREAD_WAITS).build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Broken(error.into()).report(),
    };
    let result = runtime.block_on(dispatch(cli.command));
    // A read from the terminal that nobody answers must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

async fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(args) => up::up(args).await?,
        Command::Run(args) => return run::run(args).await,
        Command::Runs(command) => runs::runs(command).await?,
        Command::Import(args) => import::import(args).await?,
        Command::Init(args) => init::init(args).await?,
        Command::Query(args) => query::query(args).await?,
        Command::Eval(command) => return eval::eval(command).await,
        Command::Label(args) => label::label(args).await?,
        Command::Baseline(command) => baseline::baseline(command).await?,
        Command::Apply(args) => return catalog::apply(args).await,
        Command::Get(args) => catalog::get(args).await?,
        Command::Delete(args) => catalog::delete(args).await?,
        Command::Submit(args) => catalog::step("submit", args).await?,
        Command::Approve(args) => catalog::step("approve", args).await?,
        Command::Reject(args) => catalog::step("reject", args.into()).await?,
        Command::Deprecate(args) => catalog::step("deprecate", args).await?,
        Command::Retire(args) => catalog::step("retire", args).await?,
        Command::Policy(command) => return policy::policy(command).await,
        Command::Keys(command) => keys::keys(command).await?,
        Command::Tokens(command) => tokens::tokens(command).await?,
        Command::Tools(command) => tools::tools(command).await?,
        Command::Approvals(command) => permission::approvals(command).await?,
        Command::Budgets(command) => permission::budgets(command).await?,
        Command::Pause(args) => permission::pause(args).await?,
        Command::Resume(args) => permission::resume(args).await?,
        Command::Audit(command) => audit::audit(command).await?,
        Command::Backup(args) => backup::backup(args).await?,
        Command::Restore(args) => backup::restore(&args)?,
        Command::Scorecard(args) => return scorecard::scorecard(*args).await,
        Command::Sim(SimCommand::Serve(args)) => sim::serve(args).await?,
        Command::Doctor(args) => doctor::doctor(args).await?,
        Command::Config(ConfigCommand::Check(args)) => config::check(&args)?,
        Command::Config(ConfigCommand::Print(args)) => config::print(&args)?,
        Command::Signin(args) => keys::signin(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
