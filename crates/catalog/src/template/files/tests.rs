use bytes::Bytes;

use super::{File, FileText, Files, FilesError, FilesLimits, Glob};
use crate::template::path::FilePath;

fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

fn folder(names: &[&str]) -> Files {
    let mut files = Files::new(FilesLimits::TEMPLATE);
    for name in names {
        files.add(path(name), File::from((*name).to_owned())).unwrap();
    }
    files
}

impl Files {
    /// Of texts by their paths.
    pub(crate) fn of(limits: FilesLimits, texts: &[(&str, &str)]) -> Self {
        let mut files = Self::new(limits);
        for (name, text) in texts {
            files.add(path(name), File::from((*text).to_owned())).unwrap();
        }
        files
    }
}

#[test]
fn no_two_names_are_one_file_on_a_system_that_ignores_case() {
    let mut files = folder(&["README.md", "docs/Guide/a.md"]);
    let mut refused = |name: &str| files.put(path(name), File::default()).unwrap_err();
    assert!(matches!(refused("readme.MD"), FilesError::Case { .. }));
    assert!(matches!(refused("Docs/b.md"), FilesError::Case { .. }));
    assert!(matches!(refused("docs/guide/b.md"), FilesError::Case { .. }));
    assert!(matches!(refused("docs"), FilesError::IsFolder(_)));
    assert!(matches!(refused("README.md/x"), FilesError::BelowFile { .. }));
    assert!(matches!(files.add(path("README.md"), File::default()), Err(FilesError::Exists(_))));
    files.put(path("docs/Guide/b.md"), File::default()).unwrap();
    assert_eq!(files.len(), 3);
}

#[test]
fn a_folder_ends_at_its_limits_and_gives_room_back() {
    let limits = FilesLimits { files: 2, file_bytes: 10, bytes: 12 };
    let mut files = Files::new(limits);
    let file = |size| File { content: Bytes::from(vec![b'x'; size]), executable: false };
    assert!(matches!(files.add(path("a"), file(11)), Err(FilesError::FileSize { got: 11, .. })));
    files.add(path("a"), file(10)).unwrap();
    assert_eq!(files.add(path("b"), file(3)), Err(FilesError::TooLarge(12)));
    files.put(path("a"), file(1)).unwrap();
    files.add(path("b"), file(3)).unwrap();
    assert_eq!(files.add(path("c"), file(0)), Err(FilesError::TooMany(2)));
    assert!(files.remove(&path("B")).is_none() && files.remove(&path("b")).is_some());
    assert_eq!((files.len(), files.bytes()), (1, 1));
}

#[test]
fn files_come_back_from_json_as_they_were() {
    let mut files = folder(&["a.txt", "b/c"]);
    let binary = File { content: Bytes::from_static(&[0xff, 0, 1]), executable: true };
    files.add(path("logo.png"), binary).unwrap();
    let text = serde_json::to_string(&files.to_texts()).unwrap();
    let read: Vec<FileText> = serde_json::from_str(&text).unwrap();
    let again = Files::from_texts(read, FilesLimits::TEMPLATE).unwrap();
    assert_eq!(again, files);
    assert_eq!(again.digest(), files.digest());
    files.put(path("a.txt"), File { executable: true, ..files.get(&path("a.txt")).unwrap().clone() }).unwrap();
    assert_ne!(again.digest(), files.digest(), "whether a file can be run counts");
    let twice = ["x", "./x"].map(|path| FileText {
        path: path.to_owned(),
        encoding: "utf-8".to_owned(),
        content: String::new(),
        executable: false,
    });
    assert!(Files::from_texts(twice.to_vec(), FilesLimits::TEMPLATE).is_err());
}

#[test]
fn folders_are_listed_one_level_or_all() {
    let files = folder(&["a.md", "docs/x.md", "docs/deep/y.md"]);
    assert_eq!(files.list(None, false), (vec!["docs".to_owned()], vec!["a.md".to_owned()]));
    let (folders, inner) = files.list(Some(&path("docs")), true);
    assert_eq!((folders, inner), (vec!["deep".to_owned()], vec!["deep/y.md".to_owned(), "x.md".to_owned()]));
    assert_eq!(files.part(Some(&path("docs"))).below(None).len(), 2);
}

#[test]
fn an_archive_holds_every_file_below_its_folder() {
    let archive = folder(&["a.md", "docs/x.md"]).archive(Some("thing")).unwrap();
    let mut read = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    let names: Vec<String> =
        read.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    assert_eq!(names, ["thing/a.md", "thing/docs/x.md"]);
}

#[test]
fn patterns_match_as_in_a_shell() {
    let matches = |pattern: &str, path: &str| Glob::new(pattern).unwrap().matches(path);
    assert!(matches("*.md", "a.md") && !matches("*.md", "docs/a.md"));
    assert!(matches("**/*.md", "a.md") && matches("**/*.md", "docs/deep/a.md"));
    assert!(matches(".github/workflows/*", ".github/workflows/ci.yml"));
    assert!(matches("docs", "docs/deep/a.md") && !matches("docs", "docs2/a.md"));
    assert!(matches("./a/**", "a/b/c") && matches("?.{js,ts}", "x.ts") && !matches("?.{js,ts}", "xy.ts"));
    assert!(!matches("a.b", "axb"), "a dot is a dot");
    assert!(Glob::new("{a").is_err() && Glob::new("a}").is_err() && Glob::new("./").is_err());
}
