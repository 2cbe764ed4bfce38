//! Reading what is published: entries, proofs and the files themselves.

use mizzen_governance::merkle::tile::{self, Content, WIDTH};
use mizzen_governance::merkle::{Hash, proof};
use mizzen_model::permission::Effect;
use mizzen_model::time::Timestamp;
use std::path::Path;
use std::sync::Arc;

use super::files::{self, CHECKPOINT, FORMAT_FILE, WITNESSED};
use super::proof::EntryProof;
use super::{AuditEntry, AuditError, AuditLog, Kind, Published};

/// Bundles that one question looks through; the next begins where it ended.
const BUNDLES_MAX: u64 = 64;

/// One entry as it is in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    pub index: u64,
    pub leaf: Hash,
    /// As logged; `None` when the content was pruned.
    pub text: Option<Vec<u8>>,
}

/// Which entries are asked for. What is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryFilter {
    pub kind: Option<Kind>,
    /// Exactly.
    pub caller: Option<String>,
    /// The name of an agent.
    pub agent: Option<String>,
    pub effect: Option<Effect>,
    /// A part of it.
    pub resource: Option<String>,
    pub run: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Entries that fit, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryPage {
    pub items: Vec<(u64, AuditEntry)>,
    /// Where the next page begins: entries below it were not looked at.
    pub next: Option<u64>,
    pub size: u64,
}

impl EntryFilter {
    /// What the bytes of every entry that fits have in them: most entries are of one kind, and need not be read to look for another.
    fn trace(&self) -> Vec<u8> {
        self.kind.and_then(|kind| serde_json::to_vec(&kind).ok()).unwrap_or_default()
    }

    fn fits(&self, entry: &AuditEntry) -> bool {
        let agent = |name: &String| entry.who.reference.strip_prefix("agent:default/") == Some(name);
        self.kind.is_none_or(|kind| kind == entry.kind)
            && self.caller.as_ref().is_none_or(|caller| *caller == entry.who.reference)
            && self.agent.as_ref().is_none_or(agent)
            && self.effect.is_none_or(|effect| Some(effect) == entry.effect)
            && self.resource.as_ref().is_none_or(|part| entry.resource.as_ref().is_some_and(|name| name.contains(part)))
            && self.run.as_ref().is_none_or(|run| entry.run.as_ref().is_some_and(|of| of.as_str() == run))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

impl AuditLog {
    /// Entries below `before`, newest first, at most `limit`. What is on disk and not published is published first.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub async fn find(&self, filter: EntryFilter, before: Option<u64>, limit: usize) -> Result<EntryPage, AuditError> {
        let published = self.publish().await?;
        self.reading(move |folder| find(folder, &filter, before, limit, published.checkpoint.size)).await
    }

    /// One entry with the proof that it is in the log; `None` when there is none at this place.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub async fn entry(&self, index: u64) -> Result<Option<(Logged, EntryProof)>, AuditError> {
        let published =
            if index < self.published().checkpoint.size { self.published() } else { self.publish().await? };
        self.reading(move |folder| entry(folder, index, &published)).await
    }

    /// A file of the log by its name; `None` when it is none of the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn file(&self, name: &str) -> Result<Option<Vec<u8>>, AuditError> {
        let is_ours = [CHECKPOINT, WITNESSED, FORMAT_FILE].contains(&name) || name.parse::<tile::Tile>().is_ok();
        if !is_ours {
            return Ok(None);
        }
        let name = name.to_owned();
        self.reading(move |folder| files::read(&folder.join(name))).await
    }

    /// For a copy of the log while it is written: a checkpoint that covers all that was acknowledged, and the names of
    /// all other files of the tree that it signs, but for content that was pruned. None of them changes any more; a
    /// partial tile may make way for the full one.
    ///
    /// # Errors
    /// When what was acknowledged cannot be published.
    pub async fn files_of_copy(&self) -> Result<(String, Vec<String>), AuditError> {
        let published = self.publish().await?;
        let size = published.checkpoint.size;
        let pruned = self.pruned_below() / WIDTH;
        let hashes = (0..tile::LEVELS_MAX).map(|level| Content::Hashes { level });
        let full = |content: Content| {
            let first = if content == Content::Entries { pruned } else { 0 };
            let tiles = first..tile::full_count(content, size);
            tiles.map(move |index| tile::Tile { content, index, width: WIDTH })
        };
        let tiles = std::iter::once(Content::Entries).chain(hashes).flat_map(full).chain(tile::partial(size));
        let names = std::iter::once(FORMAT_FILE.to_owned()).chain(tiles.map(|tile| tile.to_string()));
        let witnessed = self.file(WITNESSED).await?.map(|_| WITNESSED.to_owned());
        Ok((published.note.clone(), names.chain(witnessed).collect()))
    }

    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Path) -> Result<T, AuditError> + Send + 'static,
    ) -> Result<T, AuditError> {
        let log = self.clone();
        let read = tokio::task::spawn_blocking(move || read(log.folder())).await;
        read.map_err(|error| AuditError::NotWritten(error.to_string()))?
    }
}

fn find(
    folder: &Path,
    filter: &EntryFilter,
    before: Option<u64>,
    limit: usize,
    size: u64,
) -> Result<EntryPage, AuditError> {
    let mut below = before.unwrap_or(size).min(size);
    let mut page = EntryPage { items: Vec::new(), next: None, size };
    let trace = filter.trace();
    let trace = memchr::memmem::Finder::new(&trace);
    for _ in 0..BUNDLES_MAX {
        if below == 0 || page.items.len() >= limit {
            break;
        }
        let bundle = (below - 1) / WIDTH;
        let Some(entries) = files::read_bundle(folder, bundle, size)? else {
            // All below was pruned too.
            below = 0;
            break;
        };
        for index in (bundle * WIDTH..below).rev() {
            let place = usize::try_from(index % WIDTH).unwrap_or_default();
            let bytes = entries.get(place).map(Vec::as_slice).unwrap_or_default();
            below = index;
            if !bytes.is_empty() && trace.find(bytes).is_none() {
                continue;
            }
            let missing = |_| AuditError::Missing { file: folder.join(format!("tile/entries, entry {index}")) };
            let entry = AuditEntry::decode(bytes).map_err(missing)?;
            if filter.fits(&entry) {
                page.items.push((index, entry));
                if page.items.len() >= limit {
                    break;
                }
            }
        }
    }
    page.next = (below > 0).then_some(below);
    Ok(page)
}

fn entry(folder: &Path, index: u64, published: &Arc<Published>) -> Result<Option<(Logged, EntryProof)>, AuditError> {
    let size = published.checkpoint.size;
    if index >= size {
        return Ok(None);
    }
    let place = usize::try_from(index % WIDTH).unwrap_or_default();
    let bundle = files::read_bundle(folder, index / WIDTH, size)?;
    let text = bundle.and_then(|mut entries| (place < entries.len()).then(|| entries.swap_remove(place)));
    let missing = || AuditError::Missing { file: folder.join("tile/0") };
    let tile = Content::Hashes { level: 0 }.tile(index / WIDTH, size).ok_or_else(missing)?;
    let leaf = *files::read_hashes(folder, tile)?.get(place).ok_or_else(missing)?;
    let mut node = |node| tile::node(node, size, &mut |tile| files::read_hashes(folder, tile))?.ok_or_else(missing);
    let path = proof::inclusion(index, size, &mut node)?;
    let proof = EntryProof { index, entry: text.clone(), path, note: published.note.parse()? };
    Ok(Some((Logged { index, leaf, text }, proof)))
}

/// The proof that the first `old` of the published entries are how the log begins, for a witness.
pub(super) fn consistency(folder: &Path, old: u64, size: u64) -> Result<Vec<Hash>, AuditError> {
    let missing = || AuditError::Missing { file: folder.join("tile") };
    let mut node = |node| tile::node(node, size, &mut |tile| files::read_hashes(folder, tile))?.ok_or_else(missing);
    proof::consistency(old, size, &mut node)
}
