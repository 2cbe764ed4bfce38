//! What leaves: secrets in it, and what the operator's guardrails say about it.

use mizzen_control::gate::Permit;
use mizzen_model::asked::Taint;

use super::authorise::Target;
use super::decode::{Asked, Call};
use super::reserve::{Reserved, Terms};
use crate::gateway::guardrails::{Subject, When};
use crate::gateway::refusal::Refusal;
use crate::gateway::secrets;

/// A call whose body may leave as it is now.
pub(super) struct Screened {
    pub(super) call: Call,
    pub(super) target: Target,
    pub(super) tools: Vec<(Permit, Taint)>,
    pub(super) terms: Terms,
}

impl Reserved {
    pub(super) async fn screen(self) -> Result<Screened, Refusal> {
        let Self { mut call, target, tools, terms } = self;
        let screened = match call.keep_secrets() {
            Ok(()) => call.ask_guardrails(&target).await,
            Err(refusal) => Err(refusal),
        };
        match screened {
            Ok(()) => Ok(Screened { call, target, tools, terms }),
            Err(refusal) => Err(call.recording.refuse(refusal)),
        }
    }
}

impl Call {
    fn keep_secrets(&mut self) -> Result<(), Refusal> {
        let Some(body) = secrets::kept(&self.gateway.secrets, &self.body, &self.found)? else { return Ok(()) };
        // What was read of the body stands at other places now.
        self.asked = Asked::read(self.door.format, &body)?;
        self.body = body;
        Ok(())
    }

    async fn ask_guardrails(&self, target: &Target) -> Result<(), Refusal> {
        let body = std::str::from_utf8(&self.body).map_err(|_| "the body is not UTF-8");
        self.gateway.guardrails.check(&self.gateway, When::Request, &self.subject(&target.model), body).await
    }

    fn subject<'a>(&'a self, model: &'a str) -> Subject<'a> {
        Subject {
            caller: &self.caller,
            trace: &self.trace,
            endpoint: self.door.format.endpoint(),
            model,
            stream: self.asked.stream,
        }
    }
}
