//! `mizzen backup` from a running server, `mizzen restore` into an empty folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path};

use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;

use crate::cli::{BackupArgs, RestoreArgs};
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

/// First entry of every backup: its name says what it is, its content which version of the format.
const MARKER: &str = "mizzen-backup";
const FORMAT: &str = "1";

pub(crate) async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mut body = server.send(Method::GET, "/api/v1/backup", Bytes::new()).await?.into_body();
    // It holds keys and prompts: nobody else's business.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.file)
        .map_err(|error| cannot_create(&args.file, error))?;
    let written = async {
        let mut written: u64 = 0;
        while let Some(frame) = body.frame().await {
            if let Some(bytes) = frame.context("the connection ended within the backup")?.data_ref() {
                file.write_all(bytes).context("failed to write")?;
                written += bytes.len() as u64;
            }
        }
        file.sync_all().context("failed to write")?;
        anyhow::Ok(written)
    };
    match written.await {
        Ok(written) => {
            output::say(&format!("{written} bytes in `{}`; `mizzen restore` unpacks it", args.file.display()));
            Ok(())
        }
        Err(error) => {
            // Half a backup must not look like one.
            let _ = fs::remove_file(&args.file);
            Err(error.context(format!("failed to save `{}`", args.file.display())).into())
        }
    }
}

fn cannot_create(file: &Path, error: std::io::Error) -> Failure {
    let shown = file.display();
    Failure::Usage(match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            anyhow!("`{shown}` is there already, and nothing is written over; name another file")
        }
        _ => anyhow::Error::new(error).context(format!("failed to create `{shown}`")),
    })
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let file = File::open(&args.file)
        .with_context(|| format!("failed to open `{}`", args.file.display()))
        .map_err(Failure::Usage)?;
    let context = || format!("failed to restore `{}` into `{}`", args.file.display(), args.data_dir.display());
    match unpack(BufReader::new(file), &args.data_dir) {
        Ok(()) => {}
        Err(Failure::Usage(error)) => return Err(Failure::Usage(error.context(context()))),
        Err(Failure::No(error) | Failure::Broken(error)) => return Err(Failure::Broken(error.context(context()))),
    }
    output::say(&format!(
        "restored; start it with `mizzen up --data-dir {}`. With another object storage configured, the first start moves the \
         segments there, under a name of their own: a server that still runs on it keeps its own",
        args.data_dir.display()
    ));
    Ok(())
}

fn unpack(reader: impl std::io::Read, folder: &Path) -> Result<(), Failure> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::Usage(anyhow!("the folder is not empty; name another one with --data-dir")));
    }
    let mut archive = tar::Archive::new(reader);
    let mut entries = archive.entries().context("this is not a backup").map_err(Failure::Usage)?;
    check_marker(&mut entries).map_err(Failure::Usage)?;
    Ok(unpack_entries(entries, folder)?)
}

/// Whether it is a backup, and one that this binary reads.
fn check_marker(entries: &mut tar::Entries<'_, impl std::io::Read>) -> anyhow::Result<()> {
    let mut marker = entries.next().context("the backup is empty")?.context("this is not a backup")?;
    let mut format = String::new();
    let name_fits = marker.path().is_ok_and(|path| path == Path::new(MARKER));
    marker.read_to_string(&mut format).context("this is not a backup")?;
    ensure!(name_fits, "this is not a backup of Mizzen");
    ensure!(
        format.trim() == FORMAT,
        "the backup has format {}, this binary reads {FORMAT}; use a newer one",
        format.trim()
    );
    Ok(())
}

fn unpack_entries(entries: tar::Entries<'_, impl std::io::Read>, folder: &Path) -> anyhow::Result<()> {
    // Unpacked beside its place and renamed at the end, so that half a restore is never started.
    let partial = folder.with_extension("restoring");
    if partial.exists() {
        fs::remove_dir_all(&partial).context("failed to remove an earlier attempt")?;
    }
    let private_folder = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
    private_folder(&partial).context("failed to create the folder")?;
    for entry in entries {
        let mut entry = entry.context("the backup is cut short")?;
        let path = entry.path().context("a name in the backup cannot be read")?.into_owned();
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(
            is_plain && entry.header().entry_type().is_file(),
            "`{}` does not belong into a backup",
            path.display()
        );
        let target = partial.join(&path);
        private_folder(target.parent().unwrap_or(&partial))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target)?;
        std::io::copy(&mut entry, &mut file).with_context(|| format!("failed to unpack `{}`", path.display()))?;
        file.sync_all()?;
    }
    mizzen_telemetry::mark_restored(&partial).context("failed to mark the folder as restored")?;
    if folder.exists() {
        fs::remove_dir(folder).context("failed to replace the empty folder")?;
    }
    if let Err(error) = fs::rename(&partial, folder) {
        bail!("failed to move the unpacked files to their place: {error}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{FORMAT, Failure, MARKER, unpack};

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            // `append_data` would refuse the names that an attacker writes.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_backup_is_unpacked_into_an_empty_folder_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data");
        let entries = [(MARKER, FORMAT), ("mizzen.db", "rows"), ("wal/node", "0123"), ("segments/a.parquet", "spans")];
        let backup = archive(&entries);
        unpack(backup.as_slice(), &target).unwrap();
        assert_eq!(std::fs::read_to_string(target.join("segments/a.parquet")).unwrap(), "spans");
        for private in ["", "wal", "segments"] {
            let mode = std::fs::metadata(target.join(private)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "`{private}`");
        }
        assert!(!target.join("wal/node").exists(), "the copy would be taken for the server that it is of");
        let Err(Failure::Usage(again)) = unpack(backup.as_slice(), &target) else { panic!("written over") };
        assert!(again.to_string().contains("not empty"));
    }

    #[test]
    fn what_is_no_backup_or_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for entries in [
            vec![("other", "1")],
            vec![(MARKER, "99")],
            vec![(MARKER, FORMAT), ("../evil", "x")],
            vec![(MARKER, FORMAT), ("/evil", "x")],
        ] {
            let target = folder.path().join("data");
            assert!(unpack(archive(&entries).as_slice(), &target).is_err(), "{entries:?}");
            assert!(!target.exists() && !folder.path().join("evil").exists());
        }
    }
}
