//! A long file in parts, so that what was applied is known while the rest still waits.

/// Documents that the server applies in one transaction; a part is one.
const DOCUMENTS: usize = 32;

/// The parts of a text, each with blank lines in the place of what is before it: places in it are places in the whole.
///
/// YAML knows a line that begins with `---` as the beginning of a document wherever it stands, in quoted and in literal texts
/// too. JSON, and YAML with directives, stay whole.
pub(super) fn parts(source: &str, text: &str) -> Vec<String> {
    let is_json = source.ends_with(".json") || text.trim_start().starts_with(['{', '[']);
    if is_json || source.ends_with("SKILL.md") || text.lines().any(|line| line.starts_with('%')) {
        return vec![text.to_owned()];
    }
    let mut parts = Vec::new();
    let (mut from, mut lines_before, mut documents, mut at, mut line_number) = (0, 0, 0, 0, 0);
    for line in text.split_inclusive('\n') {
        let is_marker =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if is_marker {
            documents += 1;
        }
        if documents > DOCUMENTS {
            parts.push(format!("{}{}", "\n".repeat(lines_before), &text[from..at]));
            (from, lines_before, documents) = (at, line_number, 1);
        }
        at += line.len();
        line_number += 1;
    }
    parts.push(format!("{}{}", "\n".repeat(lines_before), &text[from..]));
    parts
}

#[cfg(test)]
mod tests {
    use mizzen_catalog::document::{Read, read};

    use super::parts;

    /// Names and lines of the documents of a text.
    fn documents(text: &str) -> Vec<(String, u32)> {
        let valid = read("a.yaml", text).into_iter().filter_map(Read::valid);
        valid.map(|document| (document.entity.name().to_owned(), document.line)).collect()
    }

    #[test]
    fn the_parts_of_a_file_have_its_documents_at_their_places() {
        let document = |number: usize| {
            format!(
                "# number {number}\napiVersion: backstage.io/v1alpha1\nkind: User\nmetadata:\n  name: u{number}\n  description: |\n    a\n    ---\n    b\nspec: {{ memberOf: [] }}\n"
            )
        };
        let text = (0..100).map(document).collect::<Vec<_>>().join("---\n");
        let parts = parts("a.yaml", &text);
        assert_eq!(parts.len(), 4);
        let of_parts: Vec<_> = parts.iter().flat_map(|part| documents(part)).collect();
        assert_eq!(of_parts, documents(&text));
        assert_eq!(of_parts.len(), 100);
    }

    #[test]
    fn what_cannot_be_cut_stays_whole() {
        let many = "{}\n---\n".repeat(100);
        for (source, text) in
            [("a.json", many.clone()), ("a", format!("[\n{many}")), ("a.yaml", format!("%YAML 1.2\n{many}"))]
        {
            assert_eq!(parts(source, &text), std::slice::from_ref(&text));
        }
        assert_eq!(parts("a.yaml", ""), [""]);
    }
}
