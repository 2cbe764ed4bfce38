//! Requests that hold what Cedar cannot: who is only watched is still held to what is enforced for everybody.

use super::{PolicySet, cedar_request};
use crate::cedar::paths::Needs;
use crate::fact::Record;
use crate::facts::{self, Touching};
use crate::group::Group;
use crate::index::Answer;
use crate::request::Request;

/// Why a request could not be put before all policies in question.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) reason: String,
    /// Of who is only watched: what the policies say that are enforced for everybody; `None` where one that could restrict looks
    /// at what cannot be read, too.
    pub(crate) enforced: Option<(Record, Answer)>,
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self { reason, enforced: None }
    }
}

impl PolicySet {
    /// What the policies that are enforced for everybody say without the others.
    pub(super) fn enforced_alone(
        &self,
        request: &Request<'_>,
        group: &Group,
        touching: Touching,
        schemas: &[&str],
    ) -> Option<(Record, Answer)> {
        if group.governed {
            return None;
        }
        let context = |needs: &Needs| facts::context(request, needs, touching, schemas);
        let rule = |number: &u32| &self.rules[*number as usize];
        let enforced = self.in_question(group).filter(|number| rule(number).is_enforced_for_all());
        let (read, unread): (Vec<u32>, Vec<u32>) =
            enforced.partition(|number| context(&self.needs_of(&[*number]).within(&self.vocabulary)).is_ok());
        if unread.iter().any(|number| rule(number).restricts()) {
            return None;
        }
        let needs = self.needs_of(&read).within(&self.vocabulary);
        let context = context(&needs).ok()?;
        let asked = cedar_request(group, &context, &needs).ok()?;
        let mut answer = self.index.answer(&self.index.among(read), &[], &asked, &group.entities);
        // Such a permit permits nothing, and its duties are not lifted by that.
        answer.errors.extend(unread.into_iter().map(|number| (number, "it looks at what cannot be read".to_owned())));
        Some((context, answer))
    }
}
