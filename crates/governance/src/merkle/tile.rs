//! Tiles: 256 neighbouring hashes of one level in a file of their own (C2SP tlog-tiles).
//!
//! Level 0 holds the hashes of entries; each hash of a level above is the root of one full tile below. Entries are
//! kept in bundles that are cut in the same places.

use std::fmt;
use std::str::FromStr;

use super::proof::Node;
use super::{HASH_BYTES, Hash};

/// Levels of the tree between two levels of tiles.
pub const HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub const WIDTH: u64 = 1 << HEIGHT;
/// A level that no tree of 2^64 entries reaches is none.
pub const LEVELS_MAX: u32 = u64::BITS / HEIGHT;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    Entries,
    Hashes { level: u32 },
}

/// One tile, full or partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    pub content: Content,
    pub index: u64,
    /// 1 to [`WIDTH`].
    pub width: u64,
}

/// A path that names no tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no tile")]
pub struct TilePathError(String);

impl Content {
    /// Entries and hashes of entries are cut alike.
    #[must_use]
    pub const fn level(self) -> u32 {
        match self {
            Self::Entries => 0,
            Self::Hashes { level } => level,
        }
    }

    /// How many items of this level a tree of `size` entries has.
    #[must_use]
    pub fn items(self, size: u64) -> u64 {
        size.checked_shr(HEIGHT * self.level()).unwrap_or(0)
    }

    /// The tile `index` in a tree of `size` entries; `None` when the tree does not reach it.
    #[must_use]
    pub fn tile(self, index: u64, size: u64) -> Option<Tile> {
        let left = self.items(size).checked_sub(index.checked_mul(WIDTH)?)?;
        (left > 0).then(|| Tile { content: self, index, width: left.min(WIDTH) })
    }
}

impl Tile {
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// The full tile that takes this one's place when the tree has grown.
    #[must_use]
    pub const fn filled(self) -> Self {
        Self { width: WIDTH, ..self }
    }
}

/// Below the log's folder, for example `tile/0/x001/x234/067.p/8`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Entries => f.write_str("tile/entries")?,
            Content::Hashes { level } => write!(f, "tile/{level}")?,
        }
        let mut groups = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(rest % 1_000);
            rest /= 1_000;
        }
        while let Some(group) = groups.pop() {
            let more = if groups.is_empty() { "" } else { "x" };
            write!(f, "/{more}{group:03}")?;
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TilePathError;

    /// Only what [`fmt::Display`] writes is a path: each tile has one name.
    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let tile = read_path(path).filter(|tile| tile.to_string() == path);
        tile.ok_or_else(|| TilePathError(path.chars().take(128).collect()))
    }
}

fn read_path(path: &str) -> Option<Tile> {
    let (content, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let content = match content {
        "entries" => Content::Entries,
        level => Content::Hashes { level: level.parse().ok().filter(|level| *level < LEVELS_MAX)? },
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
        None => (rest, WIDTH),
    };
    let group = |index: Option<u64>, group: &str| {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index?.checked_mul(1_000)?.checked_add(digits)
    };
    let index = index.split('/').fold(Some(0), group)?;
    Some(Tile { content, index, width })
}

/// The partial tiles of a tree of `size` entries: its right edge. Entries first, then levels from below.
pub fn partial(size: u64) -> impl Iterator<Item = Tile> {
    let levels = (0..LEVELS_MAX).map(|level| Content::Hashes { level });
    std::iter::once(Content::Entries).chain(levels).filter_map(move |content| {
        let items = content.items(size);
        let width = items % WIDTH;
        (width > 0).then_some(Tile { content, index: items / WIDTH, width })
    })
}

/// How many full tiles of `content` a tree of `size` entries has.
#[must_use]
pub fn full_count(content: Content, size: u64) -> u64 {
    content.items(size) / WIDTH
}

/// The hashes in a tile's bytes; `None` when they are no whole number of hashes.
#[must_use]
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    bytes.len().is_multiple_of(HASH_BYTES).then(|| bytes.chunks(HASH_BYTES).filter_map(Hash::from_slice).collect())
}

/// The bytes of a tile.
#[must_use]
pub fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The root over the hashes of a tile.
#[must_use]
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut range = super::range::CompactRange::new();
    hashes.iter().for_each(|hash| range.push(*hash));
    range.root()
}

/// The sub-tree `node` of a tree of `size` entries, from the one tile that holds it.
///
/// # Errors
/// What `read` fails with; it is given the tile as a tree of `size` has it, and answers with its hashes.
pub fn node<E>(node: Node, size: u64, read: &mut impl FnMut(Tile) -> Result<Vec<Hash>, E>) -> Result<Option<Hash>, E> {
    let content = Content::Hashes { level: node.height / HEIGHT };
    let height = node.height % HEIGHT;
    let first = node.index << height;
    let Some(tile) = content.tile(first / WIDTH, size) else { return Ok(None) };
    let hashes = read(tile)?;
    let from = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
    let part = hashes.get(from..from.saturating_add(1 << height));
    Ok(part.map(root_of))
}

/// The peaks of a tree of `size` entries, from its tiles, as [`super::range::CompactRange::resume`] takes them.
#[must_use]
pub fn peaks(size: u64) -> Vec<Node> {
    let bits = (0..u64::BITS).rev().filter(|bit| size >> bit & 1 == 1);
    bits.map(|height| Node { height, index: (size >> height) - 1 }).collect()
}
