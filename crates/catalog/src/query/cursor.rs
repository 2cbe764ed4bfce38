//! Where a list goes on: opaque to whoever carries it, and checked when it comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_model::id::Digest;
use serde::{Deserialize, Serialize};

use super::{FullText, Order, Predicate, Query};
use crate::plane::CatalogError;

/// Characters of the digest that tell a damaged cursor.
const CHECK_CHARS: usize = 16;
const CURSOR_BYTES_MAX: usize = 64 << 10;

/// A question and the place of its next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(rename = "p")]
    pub(super) predicate: Predicate,
    #[serde(rename = "o")]
    pub(super) order: Vec<Order>,
    #[serde(rename = "t")]
    pub(super) full_text: Option<FullText>,
    #[serde(rename = "n")]
    pub(super) total: Option<u64>,
    #[serde(rename = "b")]
    pub(super) is_backwards: bool,
    /// Values of the order's keys of the entity next to the page, and its id.
    #[serde(rename = "v")]
    pub(super) values: Vec<Option<String>>,
    #[serde(rename = "i")]
    pub(super) entity_id: i64,
}

impl Cursor {
    pub(super) fn encode(&self) -> Result<String, CatalogError> {
        let text = serde_json::to_string(self).map_err(|error| CatalogError::damaged("cursor", "list", error))?;
        Ok(URL_SAFE_NO_PAD.encode(format!("{}{text}", check(&text))))
    }

    pub(super) fn decode(text: &str) -> Result<Self, CatalogError> {
        let wrong = || CatalogError::Cursor;
        if text.len() > CURSOR_BYTES_MAX {
            return Err(wrong());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let (given, text) = text.split_at_checked(CHECK_CHARS).ok_or_else(wrong)?;
        if check(text) != given {
            return Err(wrong());
        }
        let cursor: Self = serde_json::from_str(text).map_err(|_| wrong())?;
        if cursor.values.len() == cursor.order.len() { Ok(cursor) } else { Err(wrong()) }
    }

    fn is_of(&self, query: &Query) -> bool {
        self.predicate == query.predicate && self.order == query.order && self.full_text == query.full_text
    }
}

/// It is no secret: who may not ask everything of the catalog is kept to one question by [`Query::is_fixed`].
fn check(text: &str) -> String {
    let digest = Digest::of(text.as_bytes());
    digest.hex().chars().take(CHECK_CHARS).collect()
}

/// What is asked, and from where on.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) predicate: Predicate,
    pub(super) order: Vec<Order>,
    pub(super) full_text: Option<FullText>,
    /// Counted by the page before.
    pub(super) total: Option<u64>,
    pub(super) from: Option<Cursor>,
}

/// A cursor wins over what stands beside it, unless that is fixed.
pub(super) fn resolve(query: &Query) -> Result<Asked, CatalogError> {
    let Some(text) = &query.cursor else {
        let (predicate, order, full_text) = (query.predicate.clone(), query.order.clone(), query.full_text.clone());
        return Ok(Asked { predicate, order, full_text, total: None, from: None });
    };
    let cursor = Cursor::decode(text)?;
    if query.is_fixed && !cursor.is_of(query) {
        return Err(CatalogError::Cursor);
    }
    Ok(Asked {
        predicate: cursor.predicate.clone(),
        order: cursor.order.clone(),
        full_text: cursor.full_text.clone(),
        total: cursor.total,
        from: Some(cursor),
    })
}
