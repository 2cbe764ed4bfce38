//! Pages of merged lists. A cursor holds where the next page starts, signed: it is opaque, and only ours is taken.

use crate::signing::{Purpose, Signer};

/// The rows of `all` behind `cursor`, and the cursor of the next page.
///
/// # Errors
/// When the cursor is none of ours for this list.
pub(crate) fn page<T>(
    all: Vec<T>,
    list: &str,
    cursor: Option<&str>,
    rows_max: usize,
    signer: &Signer,
) -> Result<(Vec<T>, Option<String>), NoCursor> {
    let start = match cursor {
        None => 0,
        Some(cursor) => start_of(cursor, list, signer).ok_or(NoCursor)?,
    };
    let more = all.len() > start.saturating_add(rows_max);
    let rows = all.into_iter().skip(start).take(rows_max).collect();
    let next = more.then(|| signer.sign(Purpose::Cursor, format!("{list} {}", start + rows_max).as_bytes()));
    Ok((rows, next))
}

/// The cursor was not made here, or for another list.
#[derive(Debug)]
pub(crate) struct NoCursor;

fn start_of(cursor: &str, list: &str, signer: &Signer) -> Option<usize> {
    let content = String::from_utf8(signer.open(Purpose::Cursor, cursor)?).ok()?;
    content.strip_prefix(list)?.strip_prefix(' ')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::signing::Signer;

    #[test]
    fn pages_follow_each_other_to_the_end_and_foreign_cursors_are_refused() {
        let signer = Signer::new([7; 32]);
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let (rows, next) = page((0..25).collect(), "tools", cursor.as_deref(), 10, &signer).unwrap();
            seen.extend(rows);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..25).collect::<Vec<_>>());
        let (_, next) = page((0..25).collect(), "tools", None, 10, &signer).unwrap();
        assert!(page((0..25).collect::<Vec<_>>(), "prompts", next.as_deref(), 10, &signer).is_err());
        let other = Signer::new([8; 32]);
        assert!(page((0..25).collect::<Vec<_>>(), "tools", next.as_deref(), 10, &other).is_err());
        assert!(page(vec![1], "tools", Some("junk"), 10, &signer).is_err());
    }
}
