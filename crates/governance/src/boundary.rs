//! Boundaries as their owners write them: YAML in, [`Boundary`] out, and every mistake with its place.
//!
//! The form is described, with examples, in `docs/boundaries.md`.

mod budget;
mod closed;
mod decode;
mod grant;
mod limit;
pub(crate) mod reader;

use mizzen_model::permission::Boundary;
use mizzen_model::yaml::{self, Limits};

pub use self::closed::closed;
pub(crate) use self::grant::{measured, of_kind, pattern, touches};
use crate::problem::Problem;

/// The only version there is.
pub const API_VERSION: &str = "mizzen.dev/v1";

/// Reads one boundary; `source` names it in problems.
///
/// # Errors
/// With everything that is wrong with it.
pub fn parse(source: &str, text: &str) -> Result<Boundary, Vec<Problem>> {
    let tree = yaml::parse(text, Limits::PAGE).map_err(|error| vec![Problem::of_yaml(source, error)])?;
    let mut reader = reader::Reader::new(source);
    match decode::boundary(&mut reader, &tree) {
        Some(boundary) if reader.problems.is_empty() => Ok(boundary),
        _ => Err(reader.problems),
    }
}

#[cfg(test)]
mod tests;
