//! How a command ends when it does not succeed: one message, one exit code.

use std::process::ExitCode;

/// Whose turn it is: the person who typed, or the machine.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer is no: not found, refused.
    No(anyhow::Error),
    /// The command was typed or configured wrongly.
    Usage(anyhow::Error),
    /// Mizzen could not be reached or could not do its work.
    Broken(anyhow::Error),
}

impl Failure {
    pub(crate) fn no(message: impl std::fmt::Display) -> Self {
        Self::No(anyhow::anyhow!("{message}"))
    }

    /// Prints the chain of causes to standard error and gives the exit code of the kind.
    pub(crate) fn report(&self) -> ExitCode {
        let (error, code) = match self {
            Self::No(error) => (error, 1),
            Self::Usage(error) => (error, 2),
            Self::Broken(error) => (error, 3),
        };
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        crate::output::say(&format!("mizzen: {}", causes.join(": ")));
        ExitCode::from(code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}
