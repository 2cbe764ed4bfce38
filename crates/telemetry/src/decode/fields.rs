//! The fields of a protobuf message, as slices of it (protobuf.dev, "Encoding").

/// Bytes that are not protobuf as encoders write it; see [`super::borrowed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPlain;

/// One field's content, by its wire type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Field<'a> {
    pub(super) fn varint(self) -> Result<u64, NotPlain> {
        if let Self::Varint(number) = self { Ok(number) } else { Err(NotPlain) }
    }

    /// As protobuf defines it: of a larger number the lower half.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "defined so")]
    pub(super) fn int32(self) -> Result<i32, NotPlain> {
        Ok(self.varint()? as i32)
    }

    pub(super) fn fixed64(self) -> Result<u64, NotPlain> {
        if let Self::Fixed64(number) = self { Ok(number) } else { Err(NotPlain) }
    }

    pub(super) fn fixed32(self) -> Result<u32, NotPlain> {
        if let Self::Fixed32(number) = self { Ok(number) } else { Err(NotPlain) }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], NotPlain> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(NotPlain) }
    }

    pub(super) fn text(self) -> Result<&'a str, NotPlain> {
        std::str::from_utf8(self.bytes()?).map_err(|_| NotPlain)
    }
}

/// Walks over the fields of one message.
pub(super) struct Fields<'a> {
    left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(message: &'a [u8]) -> Self {
        Self { left: message }
    }

    /// The next field with its tag; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, NotPlain> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| NotPlain)?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| NotPlain)?;
                let (bytes, left) = self.left.split_at_checked(len).ok_or(NotPlain)?;
                self.left = left;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(NotPlain),
        };
        if key >> 3 == 0 { Err(NotPlain) } else { Ok(Some((key >> 3, field))) }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, NotPlain> {
        let mut number = 0;
        for (at, byte) in self.left.iter().enumerate().take(10) {
            let is_too_large = at == 9 && *byte > 1;
            number |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.left = &self.left[at + 1..];
                return if is_too_large { Err(NotPlain) } else { Ok(number) };
            }
        }
        Err(NotPlain)
    }

    fn array<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], NotPlain> {
        let (bytes, left) = self.left.split_first_chunk().ok_or(NotPlain)?;
        self.left = left;
        Ok(*bytes)
    }
}
