//! Mizzen's own log: structured lines on stderr. Standard output belongs to the answers of commands.

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How this process logs, once it does.
static STARTED: OnceLock<Format> = OnceLock::new();

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

impl FromStr for Format {
    type Err = LogError;
    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LogError::Format(other.to_owned())),
        }
    }
}

/// What to log, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub format: Format,
    /// A level, or `target=level` directives joined by commas: `info,mizzen_telemetry=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: Format::Text, filter: "info".to_owned() }
    }
}

/// Why the log could not start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("unknown log format `{0}`; use `text` or `json`")]
    Format(String),
    #[error("log filter `{filter}` is not understood; use a level such as `info`, or `target=level` joined by commas")]
    Filter {
        filter: String,
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    #[error(
        "`{0}` in the log filter is no level, and as a target it would log nothing else; use `error`, `warn`, `info`, `debug`, \
         `trace` or `off`, or `{0}=trace` for a target"
    )]
    Level(String),
    #[error("the log was started twice in this process")]
    AlreadyStarted,
}

impl LogConfig {
    /// # Errors
    /// When the filter is not understood.
    pub fn check(&self) -> Result<(), LogError> {
        self.filter().map(drop)
    }

    fn filter(&self) -> Result<EnvFilter, LogError> {
        // A word without a level is a target with all of them, and where no other says a level nothing else is logged.
        let words = || self.filter.split(',').map(str::trim).filter(|word| !word.is_empty());
        let is_target = |word: &str| !word.contains(['=', '[']) && word.parse::<LevelFilter>().is_err();
        if let Some(word) = words().next().filter(|_| words().all(is_target)) {
            return Err(LogError::Level(word.to_owned()));
        }
        EnvFilter::try_new(&self.filter).map_err(|source| LogError::Filter { filter: self.filter.clone(), source })
    }
}

/// Starts the log of this process.
///
/// # Errors
/// When the filter is not understood, or the log was started before.
pub fn init(config: &LogConfig) -> Result<(), LogError> {
    let lines = tracing_subscriber::fmt().with_env_filter(config.filter()?).with_writer(std::io::stderr);
    match config.format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(|_| LogError::AlreadyStarted)?;
    STARTED.set(config.format).map_err(|_| LogError::AlreadyStarted)
}

/// How this process logs; as text as long as it does not.
#[must_use]
pub fn format() -> Format {
    STARTED.get().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Format, LogConfig, LogError, init};

    #[test]
    fn a_filter_that_is_not_understood_is_named() {
        let config = LogConfig { filter: "mizzen=loud".into(), ..LogConfig::default() };
        let message = init(&config).unwrap_err().to_string();
        assert!(message.contains("`mizzen=loud`"), "{message}");
        for filter in ["inof", "inof,mizzen_llm", "Mizzen"] {
            let config = LogConfig { filter: filter.into(), ..LogConfig::default() };
            assert!(matches!(config.check(), Err(LogError::Level(_))), "{filter}");
        }
        for filter in [
            "info",
            "info,mizzen_llm",
            "WARN,mizzen_llm=debug",
            "off",
            "warn,[call{model=a}]=debug",
            "",
            "mizzen=trace, info",
        ] {
            LogConfig { filter: filter.into(), ..LogConfig::default() }.check().unwrap();
        }
        assert!(matches!("xml".parse::<Format>(), Err(LogError::Format(_))));
    }
}
