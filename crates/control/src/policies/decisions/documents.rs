//! Documents of decisions, many in one row of a table of their own: they are alike, so that together they take a tenth of their
//! bytes, and are read a page at a time.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use mizzen_store::StoreError;
use sqlx::{Any, AnyPool, AssertSqlSafe, Row as _, Transaction};

use super::KeptDecision;
use crate::token;

/// Documents of one block: so many are read for one of them.
pub(super) const BLOCK_DOCUMENTS: usize = 64;
/// Blocks that one statement asks for: they are in memory together, packed.
const BLOCKS_PER_STATEMENT: usize = 32;
/// Fast: most of what it saves is what the documents have in common.
const ZSTD_LEVEL: i32 = 1;
/// Of one block, which is in memory as a whole.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Stored before there were blocks: the document stands beside its decision.
pub(super) const BESIDE: i64 = 0;

/// Between documents; no JSON text of ours has one.
const SEPARATOR: char = '\n';

/// Where a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) block: i64,
    pub(super) index: i64,
}

/// Keeps the documents of some decisions as one block: its number, or [`BESIDE`] where they are to be kept beside their decisions,
/// because they are too large together or cannot be packed, which is logged.
pub(super) async fn keep(change: &mut Transaction<'static, Any>, some: &[KeptDecision]) -> Result<i64, StoreError> {
    let documents: Vec<&str> = some.iter().map(|decision| decision.document.as_str()).collect();
    let Some((block, packed)) = random().zip(pack(&documents)) else {
        tracing::warn!(decisions = some.len(), "decisions are kept without being packed");
        return Ok(BESIDE);
    };
    let newest = some.iter().map(|decision| decision.at.unix_nanos()).max().unwrap_or_default();
    let insert = "INSERT INTO control_decision_documents (block, decided_to, documents) VALUES ($1, $2, $3)";
    sqlx::query(insert).bind(block).bind(newest).bind(packed).execute(&mut **change).await?;
    Ok(block)
}

/// The number of a new block: never zero, which says that there is none.
fn random() -> Option<i64> {
    let bytes = token::random::<8>().ok()?;
    Some((i64::from_be_bytes(bytes) & i64::MAX).max(BESIDE + 1))
}

/// `None` for more than is read back.
fn pack(documents: &[&str]) -> Option<String> {
    let together = documents.join(SEPARATOR.encode_utf8(&mut [0; 1]));
    let packed = (together.len() <= BLOCK_BYTES_MAX).then(|| zstd::bulk::compress(together.as_bytes(), ZSTD_LEVEL));
    Some(STANDARD_NO_PAD.encode(packed?.ok()?))
}

fn unpack(block: &str) -> Option<String> {
    let packed = STANDARD_NO_PAD.decode(block).ok()?;
    String::from_utf8(zstd::bulk::decompress(&packed, bytes_of(&packed)?).ok()?).ok()
}

fn bytes_of(packed: &[u8]) -> Option<usize> {
    let bytes = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= BLOCK_BYTES_MAX)
}

/// The documents at `places`, in their order; empty where there is none any more, or it cannot be read. Of a block only what is
/// asked for stays in memory: the rows of a page may lie in as many blocks.
pub(super) async fn read(pool: &AnyPool, places: &[Place]) -> Result<Vec<String>, StoreError> {
    let mut wanted: HashMap<i64, Vec<(usize, usize)>> = HashMap::new();
    for (at, place) in places.iter().enumerate().filter(|(_, place)| place.block != BESIDE) {
        if let Ok(index) = usize::try_from(place.index) {
            wanted.entry(place.block).or_default().push((at, index));
        }
    }
    let mut documents = vec![String::new(); places.len()];
    let numbers: Vec<i64> = wanted.keys().copied().collect();
    for some in numbers.chunks(BLOCKS_PER_STATEMENT) {
        let some: Vec<String> = some.iter().map(ToString::to_string).collect();
        let sql =
            format!("SELECT block, documents FROM control_decision_documents WHERE block IN ({})", some.join(", "));
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await? {
            let number: i64 = row.try_get(0)?;
            let Some(together) = unpack(&row.try_get::<String, _>(1)?) else {
                tracing::error!(block = number, "a block of decisions is damaged");
                continue;
            };
            let kept: Vec<&str> = together.split(SEPARATOR).collect();
            for &(at, index) in wanted.get(&number).into_iter().flatten() {
                kept.get(index).copied().unwrap_or_default().clone_into(&mut documents[at]);
            }
        }
    }
    Ok(documents)
}

/// Removes blocks whose newest decision is older.
pub(super) async fn delete_before(pool: &AnyPool, before: i64, at_once: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM control_decision_documents WHERE block IN
         (SELECT block FROM control_decision_documents WHERE decided_to < $1 ORDER BY decided_to LIMIT $2)",
    );
    Ok(done.bind(before).bind(at_once).execute(pool).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES_MAX, pack, unpack};

    #[test]
    fn a_block_gives_its_documents_back_and_takes_a_fraction_of_their_bytes() {
        let documents: Vec<String> =
            (0..64).map(|at| format!(r#"{{"id":"dec_{at:04}","reason":"line\nline","policies":["a","b"]}}"#)).collect();
        let block = pack(&documents.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(unpack(&block), Some(documents.join("\n")));
        assert!(block.len() * 4 < documents.iter().map(String::len).sum(), "{}", block.len());
        let one = pack(&["{}"]).unwrap();
        assert_eq!(unpack(&one).as_deref(), Some("{}"));
        assert_eq!(unpack("no block"), None);
        assert_eq!(pack(&[&"x".repeat(BLOCK_BYTES_MAX + 1)]), None, "it could not be read again");
    }
}
