//! What tools and prompts are called on the client's side.
//!
//! A name depends on its own server and on nothing else, so that no server that joins changes the name of another's
//! tool (ADR 0011).

use mizzen_model::id::Digest;

use crate::seam::Names;

/// What clients and model providers take.
pub(crate) const BYTES_MAX: usize = 64;
const SEPARATOR: &str = "__";
const SUFFIX_BYTES: usize = 8;

/// The name of `own` of `server` on the client's side. A prefixed name has at most 64 characters of `[a-zA-Z0-9_-]`: what
/// does not fit is replaced, and eight digits of a digest keep the names apart.
pub(crate) fn exposed(names: Names, server: &str, own: &str) -> String {
    if names == Names::Plain {
        return own.to_owned();
    }
    let full = format!("{server}{SEPARATOR}{own}");
    if fits(server, own) {
        return full;
    }
    let digest = Digest::of(full.as_bytes());
    let hex: String = digest.as_str().chars().skip_while(|c| *c != ':').skip(1).take(SUFFIX_BYTES).collect();
    let room = BYTES_MAX - SUFFIX_BYTES - 1;
    let kept: String =
        full.chars().map(|c| if c.is_ascii() && is_plain(c as u8) { c } else { '_' }).take(room).collect();
    format!("{kept}_{hex}")
}

/// Whether `own` of `server` is called `name` on the client's side. Asked of every tool of a list for each call: the name is
/// made only where it is not the plain one.
pub(crate) fn is_called(names: Names, server: &str, own: &str, name: &str) -> bool {
    match names {
        Names::Plain => own == name,
        Names::Prefixed if fits(server, own) => {
            name.strip_prefix(server).and_then(|rest| rest.strip_prefix(SEPARATOR)) == Some(own)
        }
        Names::Prefixed => exposed(names, server, own) == name,
    }
}

/// Whether `exposed` may be a name of `server`, so that others need not be asked.
pub(crate) fn may_belong(names: Names, server: &str, exposed: &str) -> bool {
    names == Names::Plain || exposed.strip_prefix(server).is_some_and(|rest| rest.starts_with(SEPARATOR))
}

fn fits(server: &str, own: &str) -> bool {
    let bytes = server.len() + SEPARATOR.len() + own.len();
    bytes <= BYTES_MAX && server.bytes().chain(own.bytes()).all(is_plain)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests;
