//! Skills at `/.well-known/agent-skills` (discovery 0.2.0): an index of those that are approved, and their files by digest: the
//! text, or where more lies beside it, an archive of the folder.
//!
//! A file is made from the approved version each time. What is kept of a version and does not have its digest any more is
//! withheld, as are versions that were retired since a client read the index.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use mizzen_catalog::compat::skill::folder;
use mizzen_catalog::compat::{name, published, skill};
use mizzen_catalog::reference::DEFAULT_NAMESPACE;
use mizzen_catalog::version::Version;
use mizzen_catalog::{Catalog, EntityRef};
use mizzen_model::id::Digest;
use mizzen_model::percent;
use mizzen_runtime::error::Chain;
use serde_json::{Value, json};

use super::problem::{Named, Problem};
use super::reader::{Reader, Visible, of_kind};
use crate::app::App;

/// What the archive of a skill is called.
const ARCHIVE: &str = "skill.tar.gz";
const SCHEMA: &str = "https://schemas.agentskills.io/discovery/0.2.0/schema.json";
const SKILLS_MAX: u32 = 5_000;
/// Skills whose versions are in memory together.
const SKILLS_AT_ONCE: usize = 100;

/// A skill as clients get it.
struct Published {
    name: String,
    description: String,
    text: String,
    /// With the files beside its text, where it has any.
    archive: Option<Vec<u8>>,
}

impl Published {
    /// `None` where the text of the skill is not in the catalog.
    fn of(version: &Version) -> Option<Self> {
        let text = skill::document(&version.entity)?;
        let archive = folder::archive(&version.entity).inspect_err(|error| {
            let (skill, tag) = (&version.reference, &version.tag);
            tracing::error!(%skill, tag, error = %Chain(error), "the files of a skill cannot be handed out, nor can it");
        });
        Some(Self {
            name: skill::name_of(&version.entity).to_owned(),
            description: version.entity.text(&["metadata", "description"]).unwrap_or_default().to_owned(),
            archive: archive.ok()?,
            text,
        })
    }

    fn digest_of_text(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    fn digest_of_archive(&self) -> Option<Digest> {
        self.archive.as_deref().map(Digest::of)
    }
}

/// Every approved skill, its newest version. Of two with one name in two namespaces, the one in `default` or else the first is
/// listed: clients install by name.
pub(crate) async fn index(State(app): State<Arc<App>>, reader: Reader) -> Result<Response, Problem> {
    let catalog = &app.state.catalog;
    let mut all = catalog.references(&of_kind("airesource", "skill"), None, SKILLS_MAX).await?;
    let visible = Visible::to(catalog, false);
    all.retain(|reference| visible.has(reference));
    all.sort_by_key(|reference| (reference.namespace() != DEFAULT_NAMESPACE, reference.clone()));
    let mut listed: Vec<Published> = Vec::new();
    for some in all.chunks(SKILLS_AT_ONCE) {
        let versions = catalog.versions_of(some).await?;
        for versions in some.iter().filter_map(|reference| versions.get(reference)) {
            let Some(skill) = published::latest(versions).and_then(Published::of) else { continue };
            if listed.iter().all(|other| other.name != skill.name) {
                listed.push(skill);
            }
        }
    }
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    let skills: Vec<Value> = listed.iter().map(entry).collect();
    let index = json!({ "$schema": SCHEMA, "skills": skills });
    Ok(([(header::CACHE_CONTROL, reader.cache(catalog))], Json(index)).into_response())
}

fn entry(skill: &Published) -> Value {
    let in_path = percent::encode(&skill.name);
    let (kind, digest, file) = match skill.digest_of_archive() {
        Some(digest) => ("archive", digest, ARCHIVE),
        None => ("skill-md", skill.digest_of_text(), "SKILL.md"),
    };
    json!({
        "name": skill.name,
        "type": kind,
        "description": skill.description,
        "url": format!("{in_path}/{}/{file}", digest.hex()),
        "digest": digest,
    })
}

/// The file of the newest approved version.
pub(crate) async fn newest(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    let versions = versions(&app.state.catalog, &name).await?;
    let skill = published::latest(&versions).and_then(Published::of);
    skill.map(|skill| file(&skill, reader.cache(&app.state.catalog))).ok_or_else(|| withheld(&name, &versions))
}

/// The file with a digest.
pub(crate) async fn by_digest(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named((name, hex)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let catalog = &app.state.catalog;
    let skill = with(catalog, &name, &hex, |skill| Some(skill.digest_of_text())).await?;
    Ok(file(&skill, reader.cache(catalog)))
}

/// The folder with a digest, as an archive.
pub(crate) async fn archive(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named((name, hex)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let catalog = &app.state.catalog;
    let skill = with(catalog, &name, &hex, Published::digest_of_archive).await?;
    let about = about("application/gzip", reader.cache(catalog), skill.digest_of_archive());
    Ok((about, skill.archive.unwrap_or_default()).into_response())
}

/// The published skill of which something has a digest.
async fn with(
    catalog: &Catalog,
    name: &str,
    hex: &str,
    digest: impl Fn(&Published) -> Option<Digest>,
) -> Result<Published, Problem> {
    let versions = versions(catalog, name).await?;
    let mut skills = versions.iter().filter(|version| published::is_published(version)).filter_map(Published::of);
    let skill = skills.find(|skill| digest(skill).is_some_and(|digest| digest.hex() == hex));
    skill.ok_or_else(|| withheld(&format!("{name} with the digest {hex}"), &versions))
}

async fn versions(catalog: &Catalog, skill: &str) -> Result<Vec<Version>, Problem> {
    let mut all = vec![EntityRef::new("AiResource", DEFAULT_NAMESPACE, &name::of(skill))];
    let named = mizzen_catalog::query::Predicate::All(vec![
        of_kind("airesource", "skill"),
        super::reader::equals("metadata.name", &name::of(skill)),
    ]);
    all.extend(catalog.references(&named, None, SKILLS_MAX).await?);
    for reference in all {
        let versions = catalog.versions(&reference).await?;
        if versions.iter().any(|version| version.state.is_usable()) && catalog.get(&reference).await?.is_some() {
            return Ok(versions);
        }
    }
    Ok(Vec::new())
}

fn withheld(what: &str, versions: &[Version]) -> Problem {
    let is_changed = |version: &&Version| version.state.is_usable() && !published::is_intact(version);
    match versions.iter().find(is_changed) {
        None => Problem::not_found("approved skill", what),
        Some(version) => Problem::conflict(format!(
            "version `{}` of `{}` is withheld: what is kept of it does not have the digest {} that was approved; apply it \
             under another tag and have that approved",
            version.tag, version.reference, version.digest
        )),
    }
}

fn file(skill: &Published, cache: &str) -> Response {
    (about("text/markdown; charset=utf-8", cache, Some(skill.digest_of_text())), skill.text.clone()).into_response()
}

fn about(content_type: &str, cache: &str, digest: Option<Digest>) -> [(header::HeaderName, String); 3] {
    let tag = digest.map(|digest| format!("\"{digest}\"")).unwrap_or_default();
    [(header::CONTENT_TYPE, content_type.to_owned()), (header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, tag)]
}
