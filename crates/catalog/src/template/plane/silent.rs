//! Makes the files of a template once more, to compare them: nothing is asked of other planes but what an entity is.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use mizzen_model::time::Timestamp;
use serde_json::Value;

use crate::document;
use crate::plane::Actor;
use crate::reference::EntityRef;
use crate::template::effects::{Done, EffectError, Effects, Plan, Wanted};

#[derive(Debug)]
pub(super) struct Silent<'e>(pub(super) &'e dyn Effects);

impl Effects for Silent<'_> {
    fn plan<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        let entities = match wanted {
            Wanted::Entities { source, text } => {
                let read = document::read(source, text);
                read.into_iter().filter_map(|read| Some(read.valid()?.entity.reference())).collect()
            }
            _ => Vec::new(),
        };
        ready(Ok(Plan { entities, ..Plan::default() })).boxed()
    }

    fn perform<'a>(&'a self, _: &'a Actor, _: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        ready(Err(EffectError::new("files are compared; nothing is made"))).boxed()
    }

    fn newest_run<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        ready(Ok(None)).boxed()
    }

    fn level<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        ready(Ok((0, None))).boxed()
    }

    fn agent<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        self.0.agent(name)
    }

    fn entity<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        self.0.entity(entity)
    }
}
