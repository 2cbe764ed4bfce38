//! Cedar text, cut into single policies, so that each is known by its line.

/// One policy's text, annotations included, and the line that it begins on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) line: u32,
    pub(crate) text: &'a str,
}

/// Cuts behind every `;` that stands outside strings and comments. What follows the last one is a piece too, unless it
/// is blank.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut in_string = false;
    let mut characters = text.char_indices().peekable();
    let mut line = 1;
    let mut start_line = 1;
    while let Some((at, c)) = characters.next() {
        match c {
            '\n' => line += 1,
            '\\' if in_string => {
                let escaped = characters.next();
                line += u32::from(escaped.is_some_and(|(_, c)| c == '\n'));
            }
            '"' => {
                start.get_or_insert_with(|| {
                    start_line = line;
                    at
                });
                in_string = !in_string;
            }
            '/' if !in_string && characters.peek().is_some_and(|(_, next)| *next == '/') => {
                while characters.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            ';' if !in_string => {
                let from = start.take().unwrap_or(at);
                pieces.push(Piece { line: if from == at { line } else { start_line }, text: &text[from..=at] });
            }
            c if !c.is_whitespace() => {
                start.get_or_insert_with(|| {
                    start_line = line;
                    at
                });
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        pieces.push(Piece { line: start_line, text: &text[from..] });
    }
    pieces
}

/// Line and column of a byte offset in `piece`, from 1.
pub(crate) fn place(piece: &Piece<'_>, offset: usize) -> (u32, u32) {
    let before = piece.text.get(..offset.min(piece.text.len())).unwrap_or(piece.text);
    let lines = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX);
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count();
    (piece.line.saturating_add(lines), u32::try_from(column + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces, place};

    #[test]
    fn policies_end_at_semicolons_outside_of_strings_and_comments() {
        let text = "// a; b\npermit(principal, action, resource);\n\n@id(\"x;y\\\";\")\nforbid(principal,\n action, resource); // ;\n";
        let cut = pieces(text);
        assert_eq!(cut.len(), 2);
        assert_eq!(cut[0], Piece { line: 2, text: "permit(principal, action, resource);" });
        assert_eq!(cut[1].line, 4);
        assert!(cut[1].text.starts_with("@id") && cut[1].text.ends_with("resource);"));
        assert_eq!(place(&cut[1], cut[1].text.find("action").unwrap()), (6, 2));
    }

    #[test]
    fn a_policy_without_its_end_is_a_piece() {
        assert_eq!(pieces("permit(").len(), 1);
        assert!(pieces(" // nothing\n").is_empty());
    }
}
