//! A line that is too large to be kept: whose answer it was is found out while it passes.

use std::mem;

/// Of names and of a number at the top; what is longer is none that matters.
const TOKEN_BYTES_MAX: usize = 24;

/// Follows the JSON of one line and keeps nothing of it but what the top says of whose answer it is. The `id` may stand before
/// the result or behind it, and a text inside may look like one.
#[derive(Debug, Default)]
pub(super) struct Passing {
    pub(super) bytes: usize,
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    is_value: bool,
    is_over: bool,
    /// It is no object, or does not tell for sure whose answer it is.
    is_unclear: bool,
    name: Vec<u8>,
    value: Vec<u8>,
    id: Option<u64>,
    is_answer: bool,
}

impl Passing {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        bytes.iter().for_each(|byte| self.step(*byte));
    }

    /// Whether it can still turn out whose answer it is.
    pub(super) const fn may_be_told(&self) -> bool {
        !self.is_unclear
    }

    /// The request that it answers, once it is over.
    pub(super) fn answers(&self) -> Option<u64> {
        self.id.filter(|_| self.is_over && self.is_answer && !self.is_unclear)
    }

    fn step(&mut self, byte: u8) {
        if self.is_text {
            return self.step_in_text(byte);
        }
        match (byte, self.depth) {
            (b' ' | b'\t' | b'\r', _) => {}
            (b'{', 0) if !self.is_over => self.depth = 1,
            (_, 0) => self.is_unclear = true,
            (b'"', _) => self.is_text = true,
            (b'{' | b'[', _) => self.depth += 1,
            (b'}' | b']', _) => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end_member();
                    self.is_over = true;
                }
            }
            (b':', 1) => self.is_value = true,
            (b',', 1) => self.end_member(),
            (byte, 1) => self.keep(byte),
            _ => {}
        }
    }

    fn step_in_text(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => {
                self.is_escaped = true;
                // Another spelling of a name that matters, it may be.
                self.is_unclear |= self.depth == 1 && !self.is_value;
            }
            b'"' => self.is_text = false,
            byte if self.depth == 1 && !self.is_value => self.keep(byte),
            _ => {}
        }
    }

    /// Of a name, or of a value that is no text.
    fn keep(&mut self, byte: u8) {
        let token = if self.is_value { &mut self.value } else { &mut self.name };
        if token.len() < TOKEN_BYTES_MAX {
            token.push(byte);
        }
    }

    fn end_member(&mut self) {
        let (name, value) = (mem::take(&mut self.name), mem::take(&mut self.value));
        self.is_value = false;
        match name.as_slice() {
            b"id" => {
                self.is_unclear |= self.id.is_some();
                self.id = str::from_utf8(&value).ok().and_then(|id| id.parse().ok());
                self.is_unclear |= self.id.is_none();
            }
            b"result" | b"error" => self.is_answer = true,
            b"method" => self.is_unclear = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Passing;

    fn answers(line: &str) -> Option<u64> {
        // In pieces, as a pipe gives them.
        let mut passing = Passing::default();
        line.as_bytes().chunks(3).for_each(|piece| passing.feed(piece));
        passing.answers()
    }

    #[test]
    fn whose_answer_it_is_stands_before_the_result_or_behind_it_and_nowhere_else() {
        for (line, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"id":8,"text":"\",\"id\":9}"}}"#, Some(7)),
            (r#"{ "result" : [{"id":8}, "}"] , "id" : 7 }"#, Some(7)),
            (r#"{"error":{"code":-1,"message":"{\\"},"id":18446744073709551615}"#, Some(u64::MAX)),
            // Of none of ours, or of two.
            (r#"{"id":"7","result":{}}"#, None),
            (r#"{"id":null,"result":{}}"#, None),
            (r#"{"id":7.5,"result":{}}"#, None),
            (r#"{"id":7,"result":{},"id":8}"#, None),
            (r#"{"id":7,"\u0069d":8,"result":{}}"#, None),
            // No answer, not a whole one, or more than one.
            (r#"{"id":7,"method":"ping","params":{"result":1}}"#, None),
            (r#"{"id":7}"#, None),
            (r#"{"id":7,"result":{}"#, None),
            (r#"{"id":7,"result":{}} {}"#, None),
            (r#"[{"id":7,"result":{}}]"#, None),
            (r#"}{"id":7,"result":{}}"#, None),
            ("", None),
        ] {
            assert_eq!(answers(line), id, "{line}");
        }
    }
}
