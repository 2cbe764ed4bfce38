//! Graphs that are laid out here, so that every client draws the same picture: who calls whom in a run, and what depends on
//! what in the catalog. Both are layered drawings by one [`layout`].

pub(crate) mod calls;
pub(crate) mod entities;
pub(crate) mod impact;
mod layers;
mod layout;
mod order;
mod place;
pub(crate) mod reach;

#[cfg(test)]
mod tests;
