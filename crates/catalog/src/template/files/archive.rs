//! A folder as a compressed archive.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Files;

impl Files {
    /// A `.tar.gz` with everything, below one folder where that is named. The same files give the same bytes.
    ///
    /// # Errors
    /// When a path is longer than the format takes.
    pub fn archive(&self, folder: Option<&str>) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        for (path, file) in self.iter() {
            let mut header = tar::Header::new_gnu();
            header.set_size(file.content.len() as u64);
            header.set_mode(if file.executable { 0o755 } else { 0o644 });
            header.set_mtime(0);
            header.set_entry_type(tar::EntryType::Regular);
            let path = folder.map_or_else(|| path.to_string(), |folder| format!("{folder}/{path}"));
            archive.append_data(&mut header, path, &file.content[..])?;
        }
        archive.into_inner()?.finish()
    }
}
