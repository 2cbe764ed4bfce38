//! One `mizzen.toml`: every key has a default, an unknown key names the nearest known one, `MIZZEN_…` overrides.

mod bounds;
mod check;
mod load;
mod redact;
mod sections;

pub(crate) use check::refuse;
pub(crate) use sections::Config;

use anyhow::Context as _;
use mizzen_control::environment::Environment;

use crate::cli::ConfigArgs;
use crate::failure::Failure;
use crate::output;

/// Reads file and environment, then the flags that were given.
///
/// # Errors
/// When the file cannot be read or is not a valid configuration: the message names the key.
pub(crate) fn load(args: &ConfigArgs) -> Result<Config, Failure> {
    let mut config = load::load(args.config.as_deref(), &variables()).map_err(Failure::Usage)?;
    if let Some(data_dir) = &args.data_dir {
        config.data_dir.clone_from(data_dir);
    }
    Ok(config)
}

/// Says which variables set nothing and are nearly the ones of keys.
pub(crate) fn tell_misspelt() {
    load::misspelt_variables(&variables()).iter().for_each(|misspelt| output::say(misspelt));
}

fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

pub(crate) fn check(args: &ConfigArgs) -> Result<(), Failure> {
    tell_misspelt();
    check::refuse(&load(args)?)?;
    output::say("the configuration is valid");
    Ok(())
}

pub(crate) fn print(args: &ConfigArgs) -> Result<(), Failure> {
    tell_misspelt();
    let config = load(args)?.redacted();
    let text = toml::to_string_pretty(&config).context("failed to write the configuration")?;
    output::data(text.trim_end())
}

/// References to secrets are resolved here and nowhere else.
pub(crate) fn environment() -> Environment {
    Environment::new(|name| std::env::var_os(name).and_then(|value| value.into_string().ok()))
}

/// `None` for a text that is left empty.
pub(crate) fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
