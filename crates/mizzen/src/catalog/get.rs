//! `mizzen get` and `mizzen delete`.

use anyhow::anyhow;
use bytes::Bytes;
use http::Method;
use mizzen_catalog::compat::complete;
use mizzen_catalog::reference::DEFAULT_NAMESPACE;
use mizzen_catalog::{Entity, EntityRef, kinds};
use mizzen_model::suggest::nearest;
use serde_json::Value;

use super::cli::{DeleteArgs, GetArgs, GetFormat};
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

const CLASSES: &[&str] = &["agent", "tool_server", "tool", "model", "pool", "eval_set", "prompt", "skill", "caller"];
const PAGE: u32 = 200;
const NOTHING: &str =
    "the catalog has nothing so; `mizzen get all` lists what it has, `mizzen apply -f DIR` puts more into it";

pub(crate) async fn get(args: GetArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    if args.what.contains(':') || args.name.is_some() {
        let is_list = args.owner.is_some() || args.state.is_some() || args.search.is_some();
        if is_list || (args.what.contains(':') && args.name.is_some()) {
            return Err(Failure::Usage(anyhow!(
                "say either which one (a reference, or a kind and a name), or which ones"
            )));
        }
        return one(&server, &args).await;
    }
    let rows = rows(&server, &args).await?;
    match args.format {
        GetFormat::Yaml => documents(&server, &rows).await,
        GetFormat::Json => output::list(&rows, Format::Json, &[]),
        GetFormat::Table => output::list_or(&rows, Format::Table, &columns()[..5], NOTHING),
        GetFormat::Wide => output::list_or(&rows, Format::Table, &columns(), NOTHING),
    }
}

fn columns() -> [Column; 10] {
    let column = |heading, cell: fn(&Value) -> String| Column { heading, right: false, cell };
    [
        column("REF", |item| output::text(item, "ref")),
        column("TYPE", |item| output::text(item, "type")),
        column("OWNER", |item| output::text(item, "owner")),
        column("VERSION", |item| output::cut(&output::text(&item["version"], "tag"), 24)),
        column("STATE", |item| output::text(&item["version"], "state")),
        column("ORIGIN", |item| output::text(item, "origin")),
        column("LEVEL", |item| output::text(item, "level")),
        column("LAST SEEN", |item| output::time(item, "last_seen")),
        column("PROBLEMS", |item| output::text(item, "problems")),
        column("TITLE", |item| output::cut(&output::text(item, "title"), 40)),
    ]
}

/// The one that a reference, or a kind and a name, means.
async fn one(server: &Server, args: &GetArgs) -> Result<(), Failure> {
    let reference = match &args.name {
        None => reference(&args.what)?,
        Some(name) => {
            let kind = match selection(&args.what)? {
                Selection::Kind(kind) => kind,
                Selection::Class(class) => kind_of(class).to_owned(),
                Selection::All => return Err(Failure::Usage(anyhow!("say of which kind `{name}` is"))),
            };
            EntityRef::parse(name, Some(&kind), DEFAULT_NAMESPACE).map_err(|error| Failure::Usage(error.into()))?
        }
    };
    let detail = server.get(&path(&reference)).await?;
    let Selection::Class(class) = selection(&args.what).unwrap_or(Selection::All) else {
        return print(&detail, args.format);
    };
    if detail["class"].as_str() != Some(class) {
        return Err(Failure::no(format!("`{reference}` is no {class}; it is a {}", output::text(&detail, "class"))));
    }
    print(&detail, args.format)
}

fn print(detail: &Value, format: GetFormat) -> Result<(), Failure> {
    match format {
        GetFormat::Json => output::value(detail, Format::Json),
        GetFormat::Yaml => output::data(&yaml(detail)),
        GetFormat::Table | GetFormat::Wide => {
            let version = &detail["version"];
            if !version.is_null() {
                output::say(&format!(
                    "version {} is {} ({})",
                    output::text(version, "tag"),
                    output::text(version, "state"),
                    output::text(version, "digest")
                ));
            }
            for item in detail["status_items"].as_array().into_iter().flatten() {
                output::say(&format!("{}: {}", output::text(item, "level"), output::text(item, "message")));
            }
            output::data(&yaml(detail))
        }
    }
}

/// A text that can be applied again. Traffic shows no owner and no lifecycle, and a document must have both.
fn yaml(detail: &Value) -> String {
    let text = match (detail["origin"].as_str(), detail["entity"].as_object()) {
        (Some("discovered"), Some(document)) => {
            let mut document = document.clone();
            complete(&mut document);
            Entity::new(document).to_yaml()
        }
        _ => detail["yaml"].as_str().unwrap_or_default().to_owned(),
    };
    text.trim_end_matches('\n').to_owned()
}

/// Every document whole, so that the file can be applied again.
async fn documents(server: &Server, rows: &[Value]) -> Result<(), Failure> {
    for (place, row) in rows.iter().enumerate() {
        let reference = reference(row["ref"].as_str().unwrap_or_default())?;
        let detail = server.get(&path(&reference)).await?;
        if place > 0 {
            output::data("---")?;
        }
        output::data(&yaml(&detail))?;
    }
    Ok(())
}

async fn rows(server: &Server, args: &GetArgs) -> Result<Vec<Value>, Failure> {
    let mut query = match selection(&args.what)? {
        Selection::All => String::new(),
        Selection::Kind(kind) => format!("&kind={}", encode(&kind)),
        Selection::Class(class) => format!("&class={}", encode(class)),
    };
    for (name, value) in [("owner", &args.owner), ("state", &args.state), ("q", &args.search)] {
        if let Some(value) = value {
            query.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    let mut rows: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let left = args.limit.map_or(PAGE, |limit| limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX)));
        if left == 0 {
            return Ok(rows);
        }
        let page = server.get(&format!("/api/v1/catalog/entities?limit={}{query}{cursor}", left.min(PAGE))).await?;
        rows.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => return Ok(rows),
        }
    }
}

pub(crate) async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let references = args.references.iter().map(|text| reference(text)).collect::<Result<Vec<_>, _>>()?;
    for reference in references {
        server.json(Method::DELETE, &path(&reference), Bytes::new()).await?;
        output::say(&format!("`{reference}` is gone; what was decided about its versions is kept"));
    }
    Ok(())
}

/// What is listed.
#[derive(Debug, PartialEq, Eq)]
enum Selection {
    All,
    Kind(String),
    Class(&'static str),
}

/// A kind or class, in the singular or plural, with `-` for `_`.
fn selection(word: &str) -> Result<Selection, Failure> {
    let word = word.to_lowercase().replace('-', "_");
    if word == "all" {
        return Ok(Selection::All);
    }
    let is = |name: &str| {
        let name = name.to_lowercase();
        let plural = name.strip_suffix('y').map_or_else(|| format!("{name}s"), |stem| format!("{stem}ies"));
        word == name || word == plural
    };
    if let Some(class) = CLASSES.iter().find(|class| is(class)) {
        return Ok(Selection::Class(class));
    }
    if let Some(kind) = kinds::names().find(|kind| is(kind)) {
        return Ok(Selection::Kind(kind.to_lowercase()));
    }
    let lower: Vec<String> = kinds::names().map(str::to_lowercase).collect();
    let known = lower.iter().map(String::as_str).chain(CLASSES.iter().copied());
    Err(Failure::Usage(match nearest(&word, known.clone()) {
        Some(near) => anyhow!("no kind `{word}`; did you mean `{near}`?"),
        None => anyhow!("no kind `{word}`; use one of all, {}", known.collect::<Vec<_>>().join(", ")),
    }))
}

/// The kind that entities of a class have.
const fn kind_of(class: &str) -> &'static str {
    match class.as_bytes() {
        b"agent" | b"caller" => "component",
        b"tool_server" => "api",
        b"prompt" | b"skill" => "airesource",
        _ => "resource",
    }
}

pub(super) fn reference(text: &str) -> Result<EntityRef, Failure> {
    text.parse().map_err(|error: mizzen_catalog::reference::RefError| Failure::Usage(error.into()))
}

/// Of an entity, below which all that is about it is.
pub(crate) fn path(reference: &EntityRef) -> String {
    let [kind, namespace, name] = [reference.kind(), reference.namespace(), reference.name()].map(encode);
    format!("/api/v1/catalog/entities/{kind}/{namespace}/{name}")
}

#[cfg(test)]
mod tests {
    use mizzen_catalog::document::{Read, read};
    use serde_json::json;

    use super::{Selection, kind_of, selection, yaml};
    use crate::failure::Failure;

    #[test]
    fn what_traffic_showed_is_printed_so_that_it_can_be_applied() {
        for (kind, kind_type, lifecycle) in [("Component", "ai-agent", Some("unknown")), ("Resource", "ai-model", None)]
        {
            let entity = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": { "name": "a" },
                "spec": { "type": kind_type } });
            let mut detail = json!({ "origin": "discovered", "entity": entity, "yaml": "kind: none\n" });
            let reads = read("a.yaml", &yaml(&detail));
            let [Read::Valid(document)] = reads.as_slice() else { panic!("{reads:?}") };
            assert_eq!(document.entity.text(&["spec", "owner"]), Some("unowned"));
            assert_eq!(document.entity.text(&["spec", "lifecycle"]), lifecycle);
            detail["origin"] = "declared".into();
            assert_eq!(yaml(&detail), "kind: none", "what was declared is printed as it is");
        }
    }

    #[test]
    fn a_kind_is_known_in_the_singular_and_plural_and_a_misspelt_one_gets_the_nearest() {
        let selected = |word| selection(word).unwrap();
        assert_eq!(selected("Components"), Selection::Kind("component".to_owned()));
        assert_eq!(selected("apis"), Selection::Kind("api".to_owned()));
        assert_eq!(selected("tool-servers"), Selection::Class("tool_server"));
        assert_eq!(selected("agent"), Selection::Class("agent"));
        assert_eq!(selected("all"), Selection::All);
        let Err(Failure::Usage(error)) = selection("compnent") else { panic!("known") };
        assert_eq!(error.to_string(), "no kind `compnent`; did you mean `component`?");
        assert_eq!((kind_of("agent"), kind_of("model"), kind_of("skill")), ("component", "resource", "airesource"));
    }
}
