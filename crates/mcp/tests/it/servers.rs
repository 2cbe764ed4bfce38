//! Real tool servers, well-behaved and not, behind the seam.

mod approved;
mod eras;
mod misbehaving;
mod processes;
mod sharing;
mod support;
mod tasks;
