//! Has cargo notice when the UI was built anew. Cargo never calls npm: without the built UI the binary
//! embeds nothing and `src/ui.rs` serves a page that says how to build it.

use std::io::{self, Write as _};

const DIST: &str = "ui/dist";

fn main() -> io::Result<()> {
    // Cargo cannot watch for what does not exist; an empty folder (which git ignores) is noticed when it fills.
    let watched = if std::fs::create_dir_all(DIST).is_ok() { DIST } else { "build.rs" };
    writeln!(io::stdout(), "cargo::rerun-if-changed={watched}")
}
