//! What a skill has beside its `SKILL.md`.

use std::path::Path;

/// Files that are counted, and folders below that of the skill.
const FILES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 8;
/// Files that the warning names.
const NAMED_MAX: usize = 5;

/// Which files of a skill's folder the catalog does not keep; `None`: none, or `file` is no `SKILL.md`.
pub(super) fn left_out(file: &Path) -> Option<String> {
    if file.file_name()? != "SKILL.md" {
        return None;
    }
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    let named: Vec<String> = found.iter().take(NAMED_MAX).map(|name| format!("`{name}`")).collect();
    let more = match found.len() {
        0 => return None,
        1..=NAMED_MAX => String::new(),
        FILES_MAX => " and many more".to_owned(),
        count => format!(" and {} more", count - NAMED_MAX),
    };
    Some(format!("only `SKILL.md` of its folder is kept; left out: {}{more}", named.join(", ")))
}

/// A folder with a `SKILL.md` of its own is another skill. What cannot be read is not told: it is left out in any case.
fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if found.len() == FILES_MAX || name.starts_with('.') || path == "SKILL.md" {
            continue;
        }
        if !is_folder {
            found.push(path);
        } else if prefix.matches('/').count() < DEPTH_MAX && !entry.path().join("SKILL.md").exists() {
            walk(&entry.path(), &format!("{path}/"), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::left_out;

    #[test]
    fn what_a_skill_has_beside_its_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            file
        };
        let skill = write("pdf/SKILL.md");
        assert_eq!(left_out(&skill), None);
        write("pdf/inner/SKILL.md");
        write("pdf/.hidden");
        assert_eq!(left_out(&skill), None);
        for name in ["pdf/scripts/a.py", "pdf/FORMS.md"] {
            write(name);
        }
        let told = left_out(&skill).unwrap();
        assert_eq!(told, "only `SKILL.md` of its folder is kept; left out: `FORMS.md`, `scripts/a.py`");
        for number in 0..7 {
            write(&format!("pdf/scripts/b{number}.py"));
        }
        assert!(left_out(&skill).unwrap().ends_with("`scripts/b2.py` and 4 more"), "{:?}", left_out(&skill));
        assert_eq!(left_out(&folder.path().join("pdf/FORMS.md")), None);
    }
}
