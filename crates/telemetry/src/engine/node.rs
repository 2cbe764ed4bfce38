//! Who this node is: a name made once, kept beside the log whose numbers only it gives out.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

pub(super) const FILE: &str = "node";

/// The name in `folder`, made when it is not there.
pub(crate) fn id(folder: &Path) -> io::Result<String> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(name) if is_name(name.trim()) => return Ok(name.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let (Ok(()) | Err(_)) = write!(name, "{byte:02x}");
    }
    let mut file = File::create(&path)?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(name)
}

pub(super) fn is_name(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
