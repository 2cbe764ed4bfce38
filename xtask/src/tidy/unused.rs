//! A dependency that no source file names is built and updated for nothing.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

pub(super) fn complaints(metadata: &Value, files: &[(String, String)], root: &Path) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter(|package| package["source"].is_null())
        .flat_map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok()).unwrap_or(manifest);
            let of_package =
                files.iter().filter(|(file, _)| file.ends_with(".rs") && Path::new(file).starts_with(folder));
            let words: HashSet<&str> = of_package.flat_map(|(_, text)| words(text)).collect();
            unnamed(package, &words)
        })
        .collect()
}

fn unnamed(package: &Value, words: &HashSet<&str>) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let called = dependencies.filter_map(|dependency| dependency["rename"].as_str().or(dependency["name"].as_str()));
    // A crate may ask itself for a feature that its tests need.
    called
        .filter(|called| *called != name && !words.contains(called.replace('-', "_").as_str()))
        .map(|called| format!("`{name}` depends on `{called}` and names it nowhere; remove it from its Cargo.toml"))
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::complaints;

    #[test]
    fn a_dependency_is_named_in_the_sources_of_its_own_crate() {
        let dependencies =
            json!([{ "name": "mizzen-store" }, { "name": "arc-swap", "rename": "swap" }, { "name": "sha2" }]);
        let metadata = json!({ "packages": [
            { "name": "mizzen-llm", "source": null, "manifest_path": "/r/crates/llm/Cargo.toml", "dependencies": dependencies },
            { "name": "of-others", "source": "registry", "manifest_path": "/o/Cargo.toml", "dependencies": dependencies },
        ] });
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let files = [
            file("crates/llm/src/lib.rs", "use mizzen_store::Store;\nfn new(at: swap::Guard) {}"),
            file("crates/llm2/src/lib.rs", "use sha2::Digest;"),
            file("crates/llm/README.md", "sha2"),
        ];
        let said = complaints(&metadata, &files, Path::new("/r"));
        assert!(matches!(said.as_slice(), [one] if one.contains("`mizzen-llm` depends on `sha2`")), "{said:?}");
    }
}
