use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{DataDir, DataDirError, FORMAT, FORMAT_FILE};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_folder_is_private_and_carries_its_format() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("deep/data");
    let folder = DataDir::open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(fs::read_to_string(folder.join(FORMAT_FILE)).unwrap(), format!("{FORMAT}\n"));
    for name in ["format", "lock"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_second_opening_is_refused_with_folder_process_and_way_out_until_the_first_ends() {
    let parent = tempfile::tempdir().unwrap();
    let first = DataDir::open(parent.path()).unwrap();
    let clone = first.clone();
    drop(first);
    let message = DataDir::open(parent.path()).unwrap_err().to_string();
    let expected =
        [parent.path().display().to_string(), format!("process {}", std::process::id()), "--data-dir".into()];
    for part in expected {
        assert!(message.contains(&part), "`{part}` is not in: {message}");
    }
    drop(clone);
    DataDir::open(parent.path()).unwrap();
}

#[test]
fn a_folder_of_a_newer_program_is_refused_unchanged() {
    let parent = tempfile::tempdir().unwrap();
    drop(DataDir::open(parent.path()).unwrap());
    let format = parent.path().join(FORMAT_FILE);
    fs::write(&format, "2\n").unwrap();
    assert!(matches!(DataDir::open(parent.path()), Err(DataDirError::Newer { found: 2, .. })));
    assert_eq!(fs::read_to_string(&format).unwrap(), "2\n");
    fs::write(&format, "two").unwrap();
    assert!(matches!(DataDir::open(parent.path()), Err(DataDirError::Format { .. })));
}

#[test]
fn whether_a_folder_takes_files_is_tried_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let data_dir = DataDir::open(parent.path()).unwrap();
    let folder = data_dir.folder("wal").unwrap();
    // As a crash leaves it.
    fs::write(folder.join("probe"), "half").unwrap();
    data_dir.check_writable("wal").unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir(&folder).unwrap();
    let error = data_dir.check_writable("wal").unwrap_err();
    assert!(error.to_string().contains(&folder.display().to_string()), "{error}");
}

#[test]
fn a_file_is_no_folder() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(DataDir::open(&file), Err(DataDirError::NotAFolder(_))));
    assert!(matches!(DataDir::open(&file.join("below")), Err(DataDirError::NotAFolder(_))));
}

#[test]
fn a_full_or_read_only_disk_is_told_as_such() {
    let path = Path::new("/data");
    let of = |kind: io::ErrorKind| DataDirError::io("write", path, kind.into());
    assert!(matches!(of(io::ErrorKind::StorageFull), DataDirError::Full { .. }));
    assert!(matches!(of(io::ErrorKind::ReadOnlyFilesystem), DataDirError::ReadOnly { .. }));
    assert!(of(io::ErrorKind::PermissionDenied).to_string().contains("`/data` cannot be written to"));
}

#[test]
fn a_private_file_is_replaced_as_a_whole_and_closed_to_others() {
    let parent = tempfile::tempdir().unwrap();
    let folder = DataDir::open(parent.path()).unwrap();
    assert_eq!(folder.read_private("token").unwrap(), None);
    fs::write(folder.join("token.new"), "left by a crash").unwrap();
    folder.write_private("token", b"one").unwrap();
    folder.write_private("token", b"two").unwrap();
    assert_eq!(folder.read_private("token").unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(mode(&folder.join("token")), 0o600);
    fs::set_permissions(folder.join("token"), fs::Permissions::from_mode(0o644)).unwrap();
    folder.read_private("token").unwrap();
    assert_eq!(mode(&folder.join("token")), 0o600);
    assert!(!folder.join("token.new").exists());
}

#[test]
fn a_folder_inside_that_others_may_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("wal")).unwrap();
    fs::set_permissions(folder.path().join("wal"), fs::Permissions::from_mode(0o755)).unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    assert_eq!(mode(&data_dir.folder("wal").unwrap()), 0o700);
    assert_eq!(mode(&data_dir.folder("segments").unwrap()), 0o700);
}
