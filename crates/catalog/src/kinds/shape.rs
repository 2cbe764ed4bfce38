//! What a value may look like, as far as the rules need to say it.

/// What a value may look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A text, which may be empty.
    Text,
    /// A text of at least one character.
    NonEmpty,
    /// A text of at least one and at most so many characters.
    AtMost(usize),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    Boolean,
    TextOrBoolean,
    Number,
    /// A whole number within these bounds, both included.
    Whole(i64, i64),
    List(&'static Shape),
    /// A list of at least one.
    NonEmptyList(&'static Shape),
    /// An object; fields that are not named are allowed.
    Object(&'static [Field]),
    /// An object whose fields are named and no others.
    Closed(&'static [Field]),
    /// An object; fields that are not named have this shape.
    Others(&'static [Field], &'static Shape),
    /// An object with the first fields, or a list of objects with the second.
    ObjectOrList(&'static [Field], &'static [Field]),
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) is_required: bool,
    pub(crate) shape: Shape,
}

impl Field {
    pub(crate) const fn must(name: &'static str, shape: Shape) -> Self {
        Self { name, is_required: true, shape }
    }

    pub(crate) const fn may(name: &'static str, shape: Shape) -> Self {
        Self { name, is_required: false, shape }
    }
}
