//! Whether the caller may ask this: what it continues must be its own, and what the provider would run must be allowed.

use std::sync::Arc;

use mizzen_control::gate::Permit;
use mizzen_model::asked::Taint;

use super::decode::{Call, Decoded};
use crate::gateway::permission;
use crate::gateway::refusal::{Reason, Refusal};
use crate::routing::Upstream;
use crate::wire::{Format, offer};

/// A request whose every tool may run.
pub(super) struct Authorised {
    pub(super) call: Call,
    pub(super) target: Target,
    pub(super) tools: Vec<(Permit, Taint)>,
}

/// Where a call goes.
pub(super) struct Target {
    pub(super) upstream: Arc<Upstream>,
    /// As the upstream knows it.
    pub(super) model: String,
}

/// How policies name the model of a request that only names a stored prompt.
const STORED_PROMPT: &str = "stored_prompt";

impl Target {
    pub(super) fn model_or_prompt(&self) -> &str {
        if self.model.is_empty() { STORED_PROMPT } else { &self.model }
    }
}

impl Decoded {
    pub(super) async fn authorise(mut self) -> Result<Authorised, Refusal> {
        let answered = match self.call.may_continue().await {
            Ok(()) => self.call.target(),
            Err(refusal) => Err(refusal),
        };
        let target = answered.map_err(|refusal| self.call.recording.refuse(refusal))?;
        let tools = self.call.may_offer(&target).await.map_err(|refusal| self.call.recording.refuse(refusal))?;
        Ok(Authorised { call: self.call, target, tools })
    }
}

impl Call {
    /// A response may only be continued by the caller it was made for: the provider's key is shared, so the
    /// provider cannot tell them apart. What another caller made is as good as not there.
    async fn may_continue(&self) -> Result<(), Refusal> {
        if self.door.format != Format::Responses {
            return Ok(());
        }
        if self.asked.conversation {
            let refusal = Refusal::new(
                Reason::NoSuchResponse,
                "conversations are not kept by this gateway; continue with `previous_response_id` instead",
            );
            return Err(refusal.about("conversation"));
        }
        let Some(id) = &self.asked.previous_response_id else { return Ok(()) };
        match self.gateway.owned_by(id, &self.caller).await? {
            Some(_) => Ok(()),
            None => {
                let refusal = Refusal::new(
                    Reason::NoSuchResponse,
                    "the response in `previous_response_id` was not found among the caller's; send the whole history instead",
                );
                Err(refusal.about("previous_response_id"))
            }
        }
    }

    /// The upstream that would serve the call: policies name a model as it is known there.
    fn target(&mut self) -> Result<Target, Refusal> {
        let asked = self.asked.model.clone().unwrap_or_default();
        let route = self.gateway.routes.choose(self.door.protocol(), &asked);
        let route = route.map_err(|error| Refusal::new(Reason::NoSuchModel, error.to_string()).about("model"))?;
        let target = Target { upstream: route.upstream, model: route.model.to_owned() };
        self.recording.note(|copy| {
            copy.upstream = Some(Arc::clone(&target.upstream));
            if target.model != asked {
                copy.model = Some(target.model.clone());
            }
        });
        Ok(target)
    }

    /// What the provider would run by itself is asked for like any tool; one that may not run refuses the call.
    async fn may_offer(&mut self, target: &Target) -> Result<Vec<(Permit, Taint)>, Refusal> {
        let mut permits = Vec::new();
        let asked = self.asked.model.as_deref().unwrap_or_default();
        let mut tools = self.asked.offer.provider_tools.clone();
        // Under whatever name it was asked for, the upstream gets this one.
        tools.extend(offer::of_model(&target.model).filter(|tool| !tools.contains(tool)));
        let tools = tools.iter();
        let questions: Vec<_> = tools.flat_map(|tool| permission::questions(tool, asked, &target.upstream)).collect();
        for question in questions {
            let touches = question.touches;
            let permit = self.ask(question).await.map_err(|refusal| refusal.about("tools"))?;
            permission::can_honour(&permit, true)?;
            permits.push((permit, touches));
        }
        Ok(permits)
    }
}
