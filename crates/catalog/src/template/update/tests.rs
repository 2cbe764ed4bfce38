use super::{Change, three_way};
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

fn folder(files: &[(&str, &str)]) -> Files {
    Files::of(FilesLimits::TEMPLATE, files)
}

#[test]
fn what_only_one_side_changed_is_taken_and_what_both_changed_is_marked() {
    let was = folder(&[
        ("same", "1\n"),
        ("theirs", "1\n"),
        ("ours", "1\n"),
        ("both", "a\nb\nc\nd\ne\nf\ng\n"),
        ("clash", "x\n"),
        ("gone", "1\n"),
        ("gone-edited", "1\n"),
        ("dropped", "1\n"),
    ]);
    let is = folder(&[
        ("same", "1\n"),
        ("theirs", "2\n"),
        ("ours", "1\n"),
        ("both", "A\nb\nc\nd\ne\nf\ng\n"),
        ("clash", "theirs\n"),
        ("dropped", "2\n"),
        ("new", "n\n"),
        ("new-clash", "theirs\n"),
    ]);
    let own = folder(&[
        ("same", "1\n"),
        ("theirs", "1\n"),
        ("ours", "mine\n"),
        ("both", "a\nb\nc\nd\ne\nf\nG\n"),
        ("clash", "mine\n"),
        ("gone", "1\n"),
        ("gone-edited", "mine\n"),
        ("new-clash", "mine\n"),
        ("not-of-the-template", "mine\n"),
    ]);
    let updates = three_way(&was, &is, &own);
    let find = |path: &str| updates.iter().find(|update| update.path.as_str() == path);
    let text = |path: &str| find(path).unwrap().result.as_ref().unwrap().text().unwrap().to_owned();
    for untouched in ["same", "ours", "not-of-the-template"] {
        assert!(find(untouched).is_none(), "{untouched}");
    }
    assert_eq!(text("theirs"), "2\n");
    assert_eq!(text("both"), "A\nb\nc\nd\ne\nf\nG\n");
    assert_eq!(find("both").unwrap().diff, "--- a/both\n+++ b/both\n@@ -1,4 +1,4 @@\n-a\n+A\n b\n c\n d\n");
    let clash = find("clash").unwrap();
    assert!(clash.is_conflict && text("clash").contains("<<<<<<<") && text("clash").contains("mine\n"), "{clash:?}");
    assert!(find("new-clash").unwrap().is_conflict);
    assert_eq!((find("gone").unwrap().change, find("gone-edited").unwrap().change), (Change::Removed, Change::Kept));
    assert_eq!((find("dropped").unwrap().change, find("new").unwrap().change), (Change::Kept, Change::Added));
    assert_eq!(updates.iter().filter(|update| update.is_conflict).count(), 2);
}

#[test]
fn what_is_no_text_is_replaced_or_kept_whole() {
    let binary = |bytes: &'static [u8]| {
        let mut folder = Files::new(FilesLimits::TEMPLATE);
        let file = File { content: bytes::Bytes::from_static(bytes), executable: false };
        folder.add(FilePath::parse("logo.png").unwrap(), file).unwrap();
        folder
    };
    let (one, two, three) = (binary(&[0, 1]), binary(&[0, 2]), binary(&[0, 3]));
    let taken = &three_way(&one, &two, &one)[0];
    assert!(!taken.is_conflict && taken.result.as_ref().unwrap().content[..] == [0, 2] && taken.diff.is_empty());
    let kept = &three_way(&one, &two, &three)[0];
    assert!(kept.is_conflict && kept.change == Change::Kept && kept.result.is_none());
}
