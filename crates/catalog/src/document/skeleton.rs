//! What templates make others of, which is no entity yet.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Read;
use super::read::read;

/// The folders and files that the steps of a text's templates fetch from beside it, as paths from its own folder. Nothing of
/// them is an entity yet.
#[must_use]
pub fn skeletons(source: &str, text: &str) -> Vec<PathBuf> {
    // Hardly a text has one, and all of a folder are asked.
    if !text.contains("Template") || !text.contains("fetch:") {
        return Vec::new();
    }
    let documents = read(source, text).into_iter().filter_map(Read::valid);
    let templates = documents.filter(|document| document.entity.kind().eq_ignore_ascii_case("template"));
    let fetched = templates.flat_map(|document| {
        let steps = document.entity.value(&["spec", "steps"]).and_then(Value::as_array);
        let fetches = steps.into_iter().flatten().filter(|step| {
            step.get("action").and_then(Value::as_str).is_some_and(|action| action.starts_with("fetch:"))
        });
        fetches.filter_map(|step| below(step.pointer("/input/url")?.as_str()?)).collect::<Vec<_>>()
    });
    fetched.collect()
}

/// The folder or file below a template that a step fetches, as far as it is known without its expressions.
fn below(url: &str) -> Option<PathBuf> {
    let known = match url.split_once("${{") {
        // What stands before an expression in the same part of the path is no name yet.
        Some((known, _)) => known.rsplit_once('/').map(|(folder, _)| folder)?,
        None => url,
    };
    if known.contains("://") {
        return None;
    }
    let mut path = PathBuf::new();
    for part in Path::new(known).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    // All that lies beside a template is none of its own: the template is there too.
    (!path.as_os_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{below, skeletons};

    #[test]
    fn what_a_step_fetches_is_known_as_far_as_it_has_no_expression() {
        for (url, path) in [
            ("skeleton", Some("skeleton")),
            ("./content/web/", Some("content/web")),
            ("./content/${{ values.kind }}/web", Some("content")),
            ("./content/a-${{ values.kind }}", Some("content")),
            ("${{ values.url }}", None),
            (".", None),
            ("../other", None),
            ("https://example.com/a", None),
        ] {
            assert_eq!(below(url), path.map(PathBuf::from), "{url}");
        }
    }

    #[test]
    fn only_templates_have_skeletons() {
        let text = |kind: &str| {
            format!(
                "apiVersion: scaffolder.backstage.io/v1beta3\nkind: {kind}\nmetadata: {{ name: own, title: Template }}\nspec:\n  type: service\n  \
                 lifecycle: production\n  owner: team\n  steps:\n    - {{ action: 'fetch:plain', input: {{ url: ./a }} }}\n    \
                 - {{ action: 'debug:log', input: {{ url: ./b }} }}\n"
            )
        };
        assert_eq!(skeletons("x/template.yaml", &text("Template")), [PathBuf::from("a")]);
        assert!(skeletons("x/template.yaml", &text("Component")).is_empty());
    }
}
