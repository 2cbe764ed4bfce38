//! How a command ends when it does not succeed: one message, one exit code.

use std::process::ExitCode;

use mizzen_runtime::error;

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

    pub(crate) const fn error(&self) -> &anyhow::Error {
        match self {
            Self::No(error) | Self::Usage(error) | Self::Broken(error) => error,
        }
    }

    /// Prints the chain of causes to standard error and gives the exit code of the kind.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Broken(_) => 3,
        };
        let causes = self.error().chain().map(ToString::to_string);
        let told = match self {
            // What services answer is no text for a terminal.
            Self::Broken(_) => error::told(causes.map(|cause| error::one_line(&cause))),
            Self::No(_) | Self::Usage(_) => error::told(causes),
        };
        crate::output::say_fatal(&format!("mizzen: {told}"));
        ExitCode::from(code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Broken(error)
    }
}
