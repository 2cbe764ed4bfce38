use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{DiskError, existing, read_files, read_folder, remove, replace, stage};
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

fn folder(names: &[&str]) -> Files {
    let mut files = Files::new(FilesLimits::TEMPLATE);
    for name in names {
        let file = File { executable: name.ends_with(".sh"), ..File::from(format!("text of {name}")) };
        files.add(path(name), file).unwrap();
    }
    files
}

#[test]
fn a_folder_comes_back_as_it_was_written() {
    let home = tempfile::tempdir().unwrap();
    let (target, files) = (home.path().join("new"), folder(&["a.md", "docs/deep/x.md", "run.sh"]));
    stage(&target, &files).unwrap().place().unwrap();
    assert_eq!(read_folder(&target, FilesLimits::TEMPLATE).unwrap(), files);
    assert_ne!(fs::metadata(target.join("run.sh")).unwrap().permissions().mode() & 0o100, 0);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
    let more = folder(&["docs/y.md"]);
    stage(&target, &more).unwrap().place().unwrap();
    assert_eq!(read_folder(&target, FilesLimits::TEMPLATE).unwrap().len(), 4);
}

#[test]
fn nothing_is_written_over_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("docs")).unwrap();
    fs::write(home.path().join("docs/x.md"), "mine").unwrap();
    let refused = stage(home.path(), &folder(&["a.md", "docs/x.md"])).unwrap_err();
    assert_eq!(refused.to_string(), "is already there: `docs/x.md`; nothing was written");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    let staged = stage(home.path(), &folder(&["a.md", "b.md"])).unwrap();
    fs::write(home.path().join("b.md"), "came meanwhile").unwrap();
    assert!(matches!(staged.place(), Err(DiskError::Exists(_))));
    assert!(!home.path().join("a.md").exists(), "what was placed is taken back");
    assert_eq!(fs::read_to_string(home.path().join("b.md")).unwrap(), "came meanwhile");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
}

#[test]
fn no_link_is_followed() {
    let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), "s").unwrap();
    symlink(outside.path(), home.path().join("docs")).unwrap();
    symlink(outside.path().join("secret"), home.path().join("link.md")).unwrap();
    let is_link = |error: DiskError| matches!(error, DiskError::Link { .. } | DiskError::Exists(_));
    assert!(is_link(stage(home.path(), &folder(&["docs/new.md"])).unwrap_err()));
    assert!(is_link(replace(home.path(), &path("docs/secret"), &File::default()).unwrap_err()));
    assert!(is_link(replace(home.path(), &path("link.md"), &File::default()).unwrap_err()));
    assert!(is_link(remove(home.path(), &path("docs/secret")).unwrap_err()));
    assert!(is_link(read_folder(home.path(), FilesLimits::TEMPLATE).unwrap_err()));
    assert!(is_link(read_files(home.path(), &[path("link.md")], FilesLimits::TEMPLATE).unwrap_err()));
    assert!(is_link(read_files(home.path(), &[path("docs/secret")], FilesLimits::TEMPLATE).unwrap_err()));
    assert_eq!(existing(home.path(), &folder(&["docs/new.md", "free.md"])).unwrap(), ["docs/new.md"]);
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "s");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_file_is_replaced_or_removed_alone() {
    let home = tempfile::tempdir().unwrap();
    replace(home.path(), &path("a/b.md"), &File::from("one".to_owned())).unwrap();
    replace(home.path(), &path("a/b.md"), &File::from("two".to_owned())).unwrap();
    let read = read_files(home.path(), &[path("a/b.md"), path("a/none"), path("x/y")], FilesLimits::TEMPLATE).unwrap();
    assert_eq!((read.len(), read.get(&path("a/b.md")).unwrap().text()), (1, Some("two")));
    remove(home.path(), &path("a/b.md")).unwrap();
    remove(home.path(), &path("a/b.md")).unwrap();
    assert_eq!(fs::read_dir(home.path().join("a")).unwrap().count(), 0);
}
