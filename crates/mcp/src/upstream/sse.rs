//! Server-sent events, bounded (WHATWG HTML, section 9.2).

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) data: Vec<u8>,
}

/// A line or an event grew beyond the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) u64);

/// Takes bytes as they come, gives events.
#[derive(Debug)]
pub(super) struct Parser {
    bytes_max: usize,
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_return: bool,
    id: Option<String>,
    /// Of the last whole event, to resume after it.
    last_id: Option<String>,
    retry_ms: Option<u64>,
}

impl Parser {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_return: false,
            id: None,
            last_id: None,
            retry_ms: None,
        }
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the server wants us to wait before we resume.
    pub(super) const fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// # Errors
    /// When a line or an event is larger than the limit.
    pub(super) fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                rest = behind;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (text, behind) = rest.split_at(end.unwrap_or(rest.len()));
            self.check(self.line.len() + text.len())?;
            self.line.extend_from_slice(text);
            let Some((end, behind)) = behind.split_first() else { return Ok(()) };
            self.after_return = *end == b'\r';
            self.end_line(events)?;
            rest = behind;
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            if let Some(id) = self.id.take() {
                self.last_id = Some(id);
            }
            if std::mem::take(&mut self.has_data) {
                events.push(Event { data: std::mem::take(&mut self.data) });
            }
            return Ok(());
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) => (&line[..at], line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..])),
            None => (&line[..], &b""[..]),
        };
        match field {
            b"data" => {
                self.check(self.data.len() + value.len() + 1)?;
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
                self.has_data = !self.data.is_empty();
            }
            b"id" if !value.contains(&0) => self.id = Some(String::from_utf8_lossy(value).into_owned()),
            b"retry" => {
                self.retry_ms = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).or(self.retry_ms)
            }
            _ => {}
        }
        Ok(())
    }

    const fn check(&self, bytes: usize) -> Result<(), TooLarge> {
        if bytes <= self.bytes_max { Ok(()) } else { Err(TooLarge(bytes as u64)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Parser, TooLarge};

    fn parse(text: &str, step: usize) -> (Vec<String>, Option<String>, Option<u64>) {
        let mut parser = Parser::new(1_000);
        let mut events = Vec::new();
        for chunk in text.as_bytes().chunks(step) {
            parser.feed(chunk, &mut events).unwrap();
        }
        let told = events.into_iter().map(|event: Event| String::from_utf8(event.data).unwrap()).collect();
        (told, parser.last_id().map(str::to_owned), parser.retry_ms())
    }

    #[test]
    fn events_are_the_same_however_they_are_cut_and_whatever_ends_lines() {
        let text = ": hello\nid: 1\nretry: 500\ndata:\n\nevent: message\ndata: {\"a\":\ndata: 1}\nid: 2\n\ndata:x\n\ndata: half";
        for ending in ["\n", "\r", "\r\n"] {
            let text = text.replace('\n', ending);
            for step in [1, 2, 3, 7, 1_000] {
                let (events, last_id, retry) = parse(&text, step);
                assert_eq!(events, ["{\"a\":\n1}", "x"], "{ending:?} {step}");
                assert_eq!((last_id.as_deref(), retry), (Some("2"), Some(500)));
            }
        }
    }

    #[test]
    fn neither_a_line_nor_an_event_grows_without_bound() {
        let mut events = Vec::new();
        assert_eq!(Parser::new(10).feed(b"data: 123456", &mut events), Err(TooLarge(12)));
        assert!(matches!(Parser::new(10).feed(b"data:1234\ndata:1234\ndata:1234\n", &mut events), Err(TooLarge(_))));
        assert!(events.is_empty());
    }
}
