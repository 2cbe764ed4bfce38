//! A request as the index reads it.

use cedar_policy::EntityUid;

use super::guard::{Path, Root};
use crate::fact::{Fact, Record};

/// An entity with what is above it; `attributes` is `None` where Cedar knows no such entity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) uid: &'a EntityUid,
    pub(crate) above: &'a [EntityUid],
    pub(crate) attributes: Option<&'a Record>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) principal: Seen<'a>,
    pub(crate) action: Seen<'a>,
    pub(crate) resource: Seen<'a>,
    pub(crate) context: &'a Record,
}

impl<'a> View<'a> {
    fn root(&self, root: Root) -> Option<&'a Record> {
        match root {
            Root::Principal => self.principal.attributes,
            Root::Resource => self.resource.attributes,
            Root::Context => Some(self.context),
        }
    }

    /// The value at a path through records.
    pub(crate) fn get(&self, path: &Path) -> Option<&'a Fact> {
        let (last, above) = path.attributes.split_last()?;
        let mut record = self.root(path.root)?;
        for name in above {
            record = match record.get(name)? {
                Fact::Record(inner) => inner,
                _ => return None,
            };
        }
        record.get(last)
    }

    /// An entity and all above it.
    pub(crate) fn selves(&self, root: Root) -> impl Iterator<Item = &'a EntityUid> {
        let seen = match root {
            Root::Principal => Some(self.principal),
            Root::Resource => Some(self.resource),
            Root::Context => None,
        };
        seen.into_iter().flat_map(|seen| std::iter::once(seen.uid).chain(seen.above))
    }
}
