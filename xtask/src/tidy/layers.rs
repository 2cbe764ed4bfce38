//! Imports go downward only; crates on one level never import each other.

use serde_json::Value;

/// Level of each crate. The table of `ARCHITECTURE.md` and this one are the same.
const LEVELS: &[(&str, u8)] = &[
    ("mizzen-model", 0),
    ("mizzen-runtime", 1),
    ("mizzen-governance", 2),
    ("mizzen-store", 2),
    ("mizzen-control", 3),
    ("mizzen-catalog", 4),
    ("mizzen-llm", 4),
    ("mizzen-mcp", 4),
    ("mizzen-telemetry", 4),
    ("mizzen-eval", 5),
    ("mizzen-query", 5),
    ("mizzen-sim", 5),
    ("mizzen-portal", 6),
    ("mizzen", 7),
];
/// For development only: may import nothing of the product, and only tests may import them.
const DEVELOPMENT: &[&str] = &["mizzen-testkit", "xtask"];
/// The only crate that may link the SQL engine for users.
const QUERY_ENGINE: (&str, &str) = ("datafusion", "mizzen-query");

pub(super) fn complaints(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(|package| package["source"].is_null()).flat_map(package_complaints).collect()
}

fn package_complaints(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let from = level(name);
    if from.is_none() && !DEVELOPMENT.contains(&name) {
        return vec![format!(
            "crate `{name}` has no level; add it to the table in xtask/src/tidy/layers.rs and ARCHITECTURE.md"
        )];
    }
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let ordinary = dependencies.filter(|dependency| dependency["kind"].is_null());
    ordinary
        .filter_map(|dependency| dependency["name"].as_str())
        .filter_map(|to| import_complaint(name, from, to))
        .collect()
}

fn import_complaint(name: &str, from: Option<u8>, to: &str) -> Option<String> {
    if to == QUERY_ENGINE.0 && name != QUERY_ENGINE.1 {
        return Some(format!("`{name}` links `{to}`; only `{}` may", QUERY_ENGINE.1));
    }
    if DEVELOPMENT.contains(&to) && from.is_some() {
        return Some(format!("`{name}` imports `{to}`, which is for tests"));
    }
    let downward = match (from, level(to)) {
        (Some(from), Some(to)) => to < from,
        _ => true,
    };
    (!downward).then(|| format!("`{name}` imports `{to}`, which is not below it"))
}

fn level(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::complaints;
    use serde_json::json;

    fn package(name: &str, dependency: &str) -> serde_json::Value {
        json!({ "packages": [{ "name": name, "source": null, "dependencies": [{ "name": dependency, "kind": null }] }] })
    }

    #[test]
    fn imports_go_downward_only() {
        assert_eq!(complaints(&package("mizzen-portal", "mizzen-query")), Vec::<String>::new());
        for (from, to) in
            [("mizzen-model", "mizzen-store"), ("mizzen-llm", "mizzen-telemetry"), ("mizzen-portal", "datafusion")]
        {
            assert_eq!(complaints(&package(from, to)).len(), 1, "{from} -> {to}");
        }
        assert_eq!(complaints(&package("mizzen-unheard-of", "serde")).len(), 1);
    }
}
