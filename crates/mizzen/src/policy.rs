//! `mizzen policy`: what agents may do.

mod ask;
pub(crate) mod cli;
mod explain;
mod files;
mod stored;
mod test;

use std::process::ExitCode;

use crate::failure::Failure;
use cli::PolicyCommand;
pub(crate) use stored::problem_text;

pub(crate) async fn policy(command: PolicyCommand) -> Result<ExitCode, Failure> {
    match command {
        PolicyCommand::Apply(args) => return stored::apply(args).await,
        PolicyCommand::Get(args) => stored::get(args).await?,
        PolicyCommand::Delete(args) => stored::delete(args).await?,
        PolicyCommand::Mode(args) => stored::mode(args).await?,
        PolicyCommand::Check(args) => return ask::check(args).await,
        PolicyCommand::Test(args) => return test::test(args).await,
        PolicyCommand::Impact(args) => ask::impact(args).await?,
        PolicyCommand::Explain(args) => explain::explain(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
