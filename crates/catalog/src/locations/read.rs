//! One reading of one location: its texts, their documents, and what became of them.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use serde_json::{Map, Value, json};
use sqlx::{Any, Row as _, Transaction};

use super::{Location, LocationKind, fetch};
use crate::apply::{ApplyOptions, DOCUMENTS_MAX, Outcome};
use crate::document::{self, Document, Folder, Problem, Read};
use crate::ingestion::ProblemKind;
use crate::plane::{Actor, Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::sql::Bind;
use crate::storage::{entities, searches, sql};

/// Files and addresses that one location leads to.
const SOURCES_MAX: usize = 2_000;
/// `Location` documents that lead to each other.
const DEPTH_MAX: usize = 5;
/// Bytes of all texts of one location, and how long reading them may take: what comes after is left out, and said to be.
const READ_BYTES_MAX: usize = 64 << 20;
const READ_TIME_MAX: Duration = Duration::from_secs(300);
/// Addresses that the placeholders of one text name.
const PLACEHOLDERS_MAX: usize = 100;
/// Problems of one location that are kept.
const PROBLEMS_MAX: usize = 1_000;

/// What a reading of a location gave.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub documents: Vec<Document>,
    pub problems: Vec<(ProblemKind, Problem, Option<EntityRef>)>,
    /// Files and addresses that were read.
    pub sources: usize,
    /// The target itself could not be read.
    pub failure: Option<String>,
    /// Something could not be read, so that what is missing may still be there.
    is_partial: bool,
}

impl Reading {
    fn problem(&mut self, kind: ProblemKind, problem: Problem, reference: Option<EntityRef>) {
        self.problems.push((kind, problem, reference));
    }

    fn unreadable(&mut self, source: &str, message: String) {
        self.is_partial = true;
        let problem = Problem { source: source.to_owned(), line: 0, column: 0, message };
        self.problem(ProblemKind::Unreadable, problem, None);
    }
}

impl Catalog {
    /// What a target holds, without keeping any of it.
    ///
    /// # Errors
    /// When the target may not be read. What cannot be read is in the answer.
    pub async fn try_location(&self, kind: LocationKind, target: &str) -> Result<Reading, CatalogError> {
        self.check_target(kind, target)?;
        Ok(self.texts(kind, target).await)
    }

    /// Reads a location now, and keeps what it holds.
    ///
    /// # Errors
    /// When the database fails. What is wrong with the location is kept with it.
    pub async fn read_location(&self, location: &Location) -> Result<(), CatalogError> {
        let mut reading = self.texts(location.kind, &location.target).await;
        let held: BTreeSet<EntityRef> = reading.documents.iter().map(|document| document.entity.reference()).collect();
        let by = Actor::location(location);
        let options = ApplyOptions { location: Some(location.id.clone()), ..ApplyOptions::default() };
        let documents = std::mem::take(&mut reading.documents);
        let total = documents.len();
        for done in self.apply(documents, &by, &options).await? {
            if done.outcome == Outcome::Rejected {
                let message = done.error.unwrap_or_default();
                let kind = if done.is_duplicate { ProblemKind::Duplicate } else { ProblemKind::Refused };
                let problem = Problem { source: done.source, line: done.line, column: done.column, message };
                reading.problem(kind, problem, done.reference);
            }
        }
        self.keep(location, &reading, &held, total).await
    }

    /// Follows the target and what its `Location` documents name.
    async fn texts(&self, kind: LocationKind, target: &str) -> Reading {
        let mut reading = Reading::default();
        let until = tokio::time::Instant::now() + READ_TIME_MAX;
        let mut bytes_left = READ_BYTES_MAX;
        let mut waiting = VecDeque::from([(kind, target.to_owned(), 0_usize)]);
        let mut seen = BTreeSet::from([(kind.as_str(), target.to_owned())]);
        while let Some((kind, target, depth)) = waiting.pop_front() {
            let fetched = tokio::time::timeout_at(until, self.fetch(kind, &target, bytes_left)).await;
            let texts = match fetched.unwrap_or_else(|_| Err(late())) {
                Ok(texts) => texts,
                Err(message) if depth == 0 => {
                    reading.failure = Some(message);
                    reading.is_partial = true;
                    continue;
                }
                Err(message) => {
                    reading.unreadable(&target, message);
                    continue;
                }
            };
            for (source, text) in texts {
                bytes_left = bytes_left.saturating_sub(text.as_ref().map_or(0, String::len));
                if reading.sources >= SOURCES_MAX {
                    reading.unreadable(&source, format!("the location leads to more than {SOURCES_MAX} sources"));
                    return reading;
                }
                reading.sources += 1;
                let beside = match (kind, &text) {
                    (LocationKind::File, _) => Beside::Folder(self.config().files.clone()),
                    (LocationKind::Url, Ok(text)) => {
                        Beside::Texts(self.beside(&source, text, &mut bytes_left, until).await)
                    }
                    (LocationKind::Url, Err(_)) => Beside::Texts(Map::new()),
                };
                let more = read_text(&mut reading, &source, text, beside).await;
                if reading.documents.len() > DOCUMENTS_MAX {
                    reading.documents.truncate(DOCUMENTS_MAX);
                    reading.unreadable(&source, format!("the location leads to more than {DOCUMENTS_MAX} documents"));
                    return reading;
                }
                for next in more {
                    let next = match self.follow(kind, &source, &next) {
                        Ok(next) if depth < DEPTH_MAX => next,
                        Ok(_) => {
                            reading.unreadable(&next, format!("more than {DEPTH_MAX} locations lead here"));
                            continue;
                        }
                        Err(message) => {
                            reading.unreadable(&next, message);
                            continue;
                        }
                    };
                    if seen.insert((kind.as_str(), next.clone())) {
                        waiting.push_back((kind, next, depth + 1));
                    }
                }
            }
        }
        reading
    }

    async fn fetch(&self, kind: LocationKind, target: &str, bytes_left: usize) -> Result<Vec<fetch::Text>, String> {
        match kind {
            LocationKind::Url => {
                let text = fetch::url(&self.0.client, target, bytes_left).await?;
                Ok(vec![(target.to_owned(), Ok(text))])
            }
            LocationKind::File => {
                let (root, target) = (self.config().files.clone(), target.to_owned());
                let read = tokio::task::spawn_blocking(move || fetch::files(&root, &target, bytes_left)).await;
                read.map_err(|error| error.to_string())?
            }
        }
    }

    /// What placeholders of a text at an address name, by their targets: read from where its `Location` documents may lead.
    async fn beside(
        &self,
        source: &str,
        text: &str,
        bytes_left: &mut usize,
        until: tokio::time::Instant,
    ) -> Map<String, Value> {
        let (name, whole) = (source.to_owned(), text.to_owned());
        // What cannot be parsed is told when it is read as documents.
        let targets = tokio::task::spawn_blocking(move || document::targets(&name, &whole)).await.unwrap_or_default();
        let mut found = Map::new();
        for target in targets {
            let content = match self.follow(LocationKind::Url, source, &target) {
                Err(why) => Err(why),
                Ok(_) if found.len() >= PLACEHOLDERS_MAX => {
                    Err(format!("the documents of an address may name at most {PLACEHOLDERS_MAX} others"))
                }
                Ok(address) => {
                    let read = tokio::time::timeout_at(until, fetch::url(&self.0.client, &address, *bytes_left)).await;
                    read.unwrap_or_else(|_| Err(late()))
                }
            };
            *bytes_left = bytes_left.saturating_sub(content.as_ref().map_or(0, String::len));
            let content = content.map_or_else(|why| json!({ "error": why }), Value::String);
            found.insert(target, content);
        }
        found
    }

    /// A target of a `Location` document: relative to it, and on hosts that it may lead to.
    fn follow(&self, kind: LocationKind, source: &str, target: &str) -> Result<String, String> {
        match kind {
            LocationKind::File => {
                let folder = std::path::Path::new(source).parent().unwrap_or(std::path::Path::new(""));
                let mut parts: Vec<String> = Vec::new();
                for part in folder.join(target).components() {
                    match part {
                        std::path::Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                        std::path::Component::CurDir => {}
                        std::path::Component::ParentDir if parts.pop().is_some() => {}
                        _ => return Err("leads out of the configured folder".to_owned()),
                    }
                }
                Ok(parts.join("/"))
            }
            LocationKind::Url => {
                let address = joined(source, target);
                let (ours, theirs) = (fetch::check(source)?, fetch::check(&address)?);
                let host = theirs.host().unwrap_or_default().to_lowercase();
                let is_same = fetch::origin(&ours) == fetch::origin(&theirs);
                if is_same || self.config().url_hosts.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
                    return Ok(address);
                }
                Err(format!("leads to another host, port or scheme; add `{host}` to `url_hosts` in `[catalog]`"))
            }
        }
    }

    async fn keep(
        &self,
        location: &Location,
        reading: &Reading,
        held: &BTreeSet<EntityRef>,
        total: usize,
    ) -> Result<(), CatalogError> {
        let mut change = self.store().begin().await?;
        entities::reserve(&mut change, 0).await?;
        if !super::is_there(&mut change, &location.id).await? {
            // It was removed while it was read, and has nothing to be kept with.
            return Ok(());
        }
        if !reading.is_partial {
            orphan_missing(&mut change, &location.id, reading, held, self.clock().now()).await?;
        }
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query(
            "UPDATE catalog_locations SET read_at = $2, sources = $3, entities = $4, failure = $5
             WHERE location_id = $1",
        )
        .bind(location.id.clone())
        .bind(self.clock().now().unix_nanos())
        .bind(number(reading.sources))
        .bind(number(total))
        .bind(reading.failure.clone())
        .execute(&mut *change)
        .await?;
        sqlx::query("DELETE FROM catalog_problems WHERE location_id = $1")
            .bind(location.id.clone())
            .execute(&mut *change)
            .await?;
        let mut rows: Vec<Bind> = Vec::new();
        for (place, (kind, problem, reference)) in reading.problems.iter().take(PROBLEMS_MAX).enumerate() {
            rows.extend([location.id.as_str().into(), number(place).into(), kind.as_str().into()]);
            rows.extend([
                problem.source.as_str().into(),
                i64::from(problem.line).into(),
                i64::from(problem.column).into(),
            ]);
            rows.extend([
                reference.as_ref().map(ToString::to_string).into(),
                problem.message.replace('\0', " ").into(),
            ]);
        }
        let insert = "INSERT INTO catalog_problems (location_id, place, kind, source, source_line, source_column, ref, message) VALUES";
        sql::insert(&mut change, insert, 8, rows).await?;
        change.commit().await?;
        Ok(())
    }
}

fn late() -> String {
    format!("reading the location took more than {} seconds", READ_TIME_MAX.as_secs())
}

/// Where the files that placeholders name come from.
enum Beside {
    /// The folder that they must be below.
    Folder(std::path::PathBuf),
    /// What was read from addresses.
    Texts(Map<String, Value>),
}

/// Reads the documents of one text; gives the targets of its `Location` documents.
async fn read_text(reading: &mut Reading, source: &str, text: Result<String, String>, beside: Beside) -> Vec<String> {
    let text = match text {
        Ok(text) => text,
        Err(message) => {
            reading.unreadable(source, message);
            return Vec::new();
        }
    };
    let name = source.to_owned();
    let read = tokio::task::spawn_blocking(move || match beside {
        Beside::Texts(mut texts) => document::read_with(&name, &text, &mut texts),
        Beside::Folder(root) => match Folder::of(&root, &root.join(&name)) {
            Ok(mut folder) => document::read_with(&name, &text, &mut folder),
            Err(_) => document::read(&name, &text),
        },
    });
    let read = read.await;
    let reads = match read {
        Ok(reads) => reads,
        Err(error) => {
            reading.unreadable(source, Chain(&error).to_string());
            return Vec::new();
        }
    };
    let mut targets = Vec::new();
    for read in reads {
        match read {
            Read::Valid(document) => {
                if document.entity.kind().eq_ignore_ascii_case("location") {
                    let one = document.entity.value(&["spec", "target"]);
                    let many =
                        document.entity.value(&["spec", "targets"]).and_then(Value::as_array).into_iter().flatten();
                    targets.extend(one.into_iter().chain(many).filter_map(Value::as_str).map(str::to_owned));
                }
                reading.documents.push(*document);
            }
            Read::Rejected(rejected) => {
                // What is wrong today was an entity yesterday, perhaps under a name that cannot be read.
                reading.is_partial |= rejected.reference.is_none();
                for problem in rejected.problems {
                    reading.problem(ProblemKind::Invalid, problem, rejected.reference.clone());
                }
            }
        }
    }
    targets
}

/// `target` as seen from `source`.
fn joined(source: &str, target: &str) -> String {
    if target.contains("://") {
        return target.to_owned();
    }
    let (scheme, rest) = source.split_once("://").unwrap_or(("https", source));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    if !target.starts_with('/') {
        parts.pop();
    }
    for part in target.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{scheme}://{host}/{}", parts.join("/"))
}

/// Marks what the location held before and holds no longer.
async fn orphan_missing(
    change: &mut Transaction<'_, Any>,
    location_id: &str,
    reading: &Reading,
    held: &BTreeSet<EntityRef>,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "SELECT entity_id, ref FROM catalog_entities WHERE location_id = $1 AND orphan_since = 0";
    let rows = sqlx::query(sql).bind(location_id.to_owned()).fetch_all(&mut **change).await?;
    let wrong: BTreeSet<&EntityRef> =
        reading.problems.iter().filter_map(|(_, _, reference)| reference.as_ref()).collect();
    for row in rows {
        let name: String = row.try_get("ref")?;
        let is_kept = |reference: EntityRef| held.contains(&reference) || wrong.contains(&reference);
        if !name.parse().is_ok_and(is_kept) {
            orphan(change, row.try_get("entity_id")?, now).await?;
        }
    }
    Ok(())
}

/// Marks everything that a location holds.
pub(super) async fn orphan_all(
    change: &mut Transaction<'_, Any>,
    location_id: &str,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let sql = "SELECT entity_id FROM catalog_entities WHERE location_id = $1";
    for row in sqlx::query(sql).bind(location_id.to_owned()).fetch_all(&mut **change).await? {
        orphan(change, row.try_get(0)?, now).await?;
    }
    Ok(())
}

async fn orphan(change: &mut Transaction<'_, Any>, entity_id: i64, now: Timestamp) -> Result<(), CatalogError> {
    let sql = "UPDATE catalog_entities SET orphan_since = $2 WHERE entity_id = $1 AND orphan_since = 0";
    sqlx::query(sql).bind(entity_id).bind(now.unix_nanos()).execute(&mut **change).await?;
    entities::mark(change, entity_id, searches::ORPHAN, Some("true")).await
}
