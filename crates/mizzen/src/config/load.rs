//! From text and environment to a typed configuration.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use mizzen_model::suggest;
use toml::{Table, Value};

use super::Config;

const DEFAULT_FILE: &str = "mizzen.toml";

/// `file` must exist when it was named; the default file may be absent.
pub(super) fn load(file: Option<&Path>, environment: &[(String, String)]) -> anyhow::Result<Config> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => String::new(),
        Err(error) => return Err(error).with_context(|| format!("failed to read `{}`", path.display())),
    };
    resolve(&text, environment).with_context(|| format!("failed to use the configuration `{}`", path.display()))
}

/// What in the environment is nearly the variable of a key, and sets none. Others that begin with `MIZZEN_` are of commands, of tools
/// and of Kubernetes, which names services so.
pub(super) fn misspelt_variables(environment: &[(String, String)]) -> Vec<String> {
    let defaults = Value::try_from(Config::default()).unwrap_or_else(|_| Value::Table(Table::new()));
    let mut keys = Vec::new();
    variables_of(&defaults, "", &mut keys);
    let ours =
        environment.iter().filter_map(|(name, _)| name.strip_prefix("MIZZEN").filter(|rest| rest.starts_with('_')));
    let unknown = ours.filter(|name| !keys.iter().any(|key| key == name));
    let told = unknown.filter_map(|name| {
        let near = suggest::nearest(&name[1..], keys.iter().map(|key| &key[1..]))?;
        Some(format!("the variable `MIZZEN{name}` sets nothing; did you mean `MIZZEN_{near}`?"))
    });
    told.collect()
}

fn variables_of(defaults: &Value, prefix: &str, found: &mut Vec<String>) {
    for (key, default) in defaults.as_table().into_iter().flatten() {
        let name = format!("{prefix}_{}", key.to_uppercase());
        match default.is_table() {
            true => variables_of(default, &name, found),
            false => found.push(name),
        }
    }
}

fn resolve(text: &str, environment: &[(String, String)]) -> anyhow::Result<Config> {
    // The file alone first: its errors have a line and a column, which the merged table no longer has.
    toml::from_str::<Config>(text).map_err(|error| anyhow!("{}", explain(&error)))?;
    let mut table: Table = toml::from_str(text)?;
    let defaults = Value::try_from(Config::default()).context("failed to read the defaults")?;
    override_from(&mut table, &defaults, "MIZZEN", environment)?;
    Value::Table(table).try_into().map_err(|error| anyhow!("{}", explain(&error)))
}

/// Sets every key that has a variable: `MIZZEN_` and the path in capitals, joined by `_`. A list cannot be set so.
fn override_from(
    table: &mut Table,
    defaults: &Value,
    prefix: &str,
    environment: &[(String, String)],
) -> anyhow::Result<()> {
    for (key, default) in defaults.as_table().into_iter().flatten() {
        let name = format!("{prefix}_{}", key.to_uppercase());
        if default.is_table() {
            let nested = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(nested) = nested {
                override_from(nested, default, &name, environment)?;
            }
        } else if let Some((_, text)) = environment.iter().find(|(variable, _)| *variable == name) {
            table.insert(
                key.clone(),
                parse_like(default, text).with_context(|| format!("environment variable `{name}`"))?,
            );
        }
    }
    Ok(())
}

fn parse_like(default: &Value, text: &str) -> anyhow::Result<Value> {
    match default {
        Value::Integer(_) => {
            Ok(Value::Integer(text.parse().with_context(|| format!("`{text}` is not a whole number"))?))
        }
        Value::Float(_) => Ok(Value::Float(text.parse().with_context(|| format!("`{text}` is not a number"))?)),
        Value::Boolean(_) => {
            Ok(Value::Boolean(text.parse().with_context(|| format!("`{text}` is not `true` or `false`"))?))
        }
        Value::Array(_) => anyhow::bail!("a list is set in the file only"),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Adds the nearest known key to serde's message about an unknown one.
fn explain(error: &toml::de::Error) -> String {
    let message = error.to_string();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    if !error.message().starts_with("unknown field") {
        return message;
    }
    let unknown = quoted.next().unwrap_or_default();
    match suggest::nearest(unknown, quoted) {
        Some(nearest) => format!("{}\ndid you mean `{nearest}`?", message.trim_end()),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::resolve;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_variable_that_sets_nothing_is_told_with_the_nearest_that_does() {
        let pairs = [
            ("MIZZEN_LISTN", "1"),
            ("MIZZEN_LISTEN", "1"),
            ("MIZZEN_TOKEN", "t"),
            ("MIZZEN_URL", "u"),
            ("MIZZEN_BIN", "b"),
            ("MIZZEN_KEY", "k"),
            ("MIZZEN_RUN_ID", "r"),
            ("MIZZEN", ""),
            ("HOME", "/"),
            ("MIZZEN_SERVICE_HOST", "10.0.0.1"),
            ("MIZZEN_TELEMETRY__RETENTION_DAYS", "7"),
        ];
        let told = super::misspelt_variables(&variables(&pairs));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("`MIZZEN_LISTN`") && told[0].contains("`MIZZEN_LISTEN`?"), "{told:?}");
        assert!(told[1].contains("did you mean `MIZZEN_TELEMETRY_RETENTION_DAYS`?"), "{told:?}");
    }

    #[test]
    fn an_empty_file_is_the_defaults_on_loopback() {
        let config = resolve("", &[]).unwrap();
        assert!(config.listen.ip().is_loopback() && config.otlp_grpc_listen.ip().is_loopback());
        assert_eq!(config.listen.port(), 7600);
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one_and_its_line() {
        let error = format!("{:#}", resolve("\nlistne = \"127.0.0.1:1\"", &[]).unwrap_err());
        assert!(error.contains("did you mean `listen`?") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_says_what_it_cannot_read() {
        let file = "[telemetry]\nretention_days = 7";
        let config = resolve(file, &variables(&[("MIZZEN_TELEMETRY_RETENTION_DAYS", "3")])).unwrap();
        assert_eq!(config.telemetry.retention_days, 3);
        let error = resolve(file, &variables(&[("MIZZEN_TELEMETRY_RETENTION_DAYS", "many")])).unwrap_err();
        assert!(format!("{error:#}").contains("MIZZEN_TELEMETRY_RETENTION_DAYS"), "{error:#}");
    }
}
