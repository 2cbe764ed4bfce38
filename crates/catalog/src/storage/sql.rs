//! Statements that are put together from parts. Only texts of this crate become part of one; what somebody else wrote is bound.

use std::fmt::Write as _;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};

/// A value of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bind {
    Text(String),
    NoText,
    Number(i64),
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Bind {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::NoText, Self::Text)
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A statement and the values of its placeholders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), binds: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// The next placeholder.
    pub(crate) fn bind(&mut self, value: impl Into<Bind>) -> &mut Self {
        self.binds.push(value.into());
        // Writing to a string cannot fail.
        let (Ok(()) | Err(_)) = write!(self.text, "${}", self.binds.len());
        self
    }

    /// `(…, …)`; of nothing, a list that holds nothing.
    pub(crate) fn list(&mut self, values: impl IntoIterator<Item = impl Into<Bind>>) -> &mut Self {
        self.push("(");
        let mut is_first = true;
        for value in values {
            if !is_first {
                self.push(", ");
            }
            is_first = false;
            self.bind(value);
        }
        self.push(if is_first { "NULL)" } else { ")" })
    }

    /// The same behind a text without placeholders.
    pub(crate) fn prefixed(&self, text: &str) -> Self {
        Self { text: format!("{text}{}", self.text), binds: self.binds.clone() }
    }

    pub(crate) fn query(self) -> Query<'static, Any, AnyArguments> {
        let Self { text, binds } = self;
        binds.into_iter().fold(sqlx::query::<Any>(AssertSqlSafe(text)), |query, bind| match bind {
            Bind::Text(text) => query.bind(text),
            Bind::NoText => query.bind(None::<String>),
            Bind::Number(number) => query.bind(number),
        })
    }
}

/// Statements of few sizes, so that each is prepared once.
const BLOCKS: [usize; 4] = [64, 16, 4, 1];

/// Writes rows of `columns` values each. `insert` is `INSERT INTO … (…) VALUES`.
pub(crate) async fn insert(
    change: &mut Transaction<'_, Any>,
    insert: &str,
    columns: usize,
    rows: Vec<Bind>,
) -> Result<(), sqlx::Error> {
    let mut rest = rows.as_slice();
    while !rest.is_empty() {
        let left = rest.len() / columns.max(1);
        let size = BLOCKS.into_iter().find(|size| *size <= left).unwrap_or(1);
        let (block, after) = rest.split_at((size * columns).min(rest.len()));
        rest = after;
        let mut sql = Sql::new(insert);
        for (place, row) in block.chunks(columns.max(1)).enumerate() {
            sql.push(if place == 0 { " " } else { ", " });
            sql.list(row.iter().cloned());
        }
        sql.query().execute(&mut **change).await?;
    }
    Ok(())
}

/// A text column that may hold none.
pub(crate) fn optional(row: &AnyRow, column: &str) -> Result<Option<String>, sqlx::Error> {
    use sqlx::Row as _;
    row.try_get(column)
}

/// The smallest text that is greater than every text which begins with `prefix`; `None` when there is none.
pub(crate) fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn what_begins_with_a_prefix_lies_below_its_end() {
        for prefix in ["a", "zz", "\u{d7ff}", "ab\u{10ffff}"] {
            let end = after_prefix(prefix).unwrap();
            assert!(prefix < end.as_str() && format!("{prefix}\u{10ffff}").as_str() < end.as_str(), "{prefix}");
        }
        assert_eq!(after_prefix("\u{10ffff}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
