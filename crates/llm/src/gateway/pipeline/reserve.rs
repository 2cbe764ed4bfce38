//! The decision about the model, and what is put aside for the call while it runs.

use std::sync::Arc;

use mizzen_control::gate::Permit;
use mizzen_model::asked::{Action, Taint};
use serde_json::Value;

use super::authorise::{Authorised, Target};
use super::decode::Call;
use crate::gateway::permission::{self, Question};
use crate::gateway::rates::NOTHING;
use crate::gateway::refusal::Refusal;
use crate::gateway::relay::Stopped;
use crate::gateway::reservation::Reservation;

/// A call that may go out, and whose budget is put aside. What it takes is settled when its recording ends.
pub(super) struct Reserved {
    pub(super) call: Call,
    pub(super) target: Target,
    pub(super) tools: Vec<(Permit, Taint)>,
    pub(super) terms: Terms,
}

/// What the permit asks of the call.
pub(super) struct Terms {
    pub(super) result_bytes_max: Option<u64>,
    pub(super) stopped: Stopped,
}

impl Authorised {
    pub(super) async fn reserve(self) -> Result<Reserved, Refusal> {
        let Self { mut call, target, tools } = self;
        match call.reserve(&target).await {
            Ok(terms) => Ok(Reserved { call, target, tools, terms }),
            Err(refusal) => Err(call.recording.refuse(refusal)),
        }
    }
}

impl Call {
    async fn reserve(&mut self, target: &Target) -> Result<Terms, Refusal> {
        let (gateway, format) = (Arc::clone(&self.gateway), self.door.format);
        let model = target.model_or_prompt();
        let estimate = gateway.rates.estimate(format, &target.model, &self.asked.offer, &self.body);
        let free = !self.door.recorded;
        let asked = self.asked.model.as_deref().unwrap_or_default();
        let mut facts = permission::facts(format, asked, &target.upstream, self.asked.stream, &self.asked.offer);
        if format == crate::wire::Format::Responses {
            facts.insert("store".to_owned(), Value::from(self.asked.store));
            facts.insert("background".to_owned(), Value::from(self.asked.background));
        }
        let question = Question {
            action: Action::ModelsCall,
            resource: permission::model(&target.upstream, model),
            arguments: Value::Object(facts),
            touches: Taint::default(),
            estimate: match free {
                true => NOTHING,
                false => gateway.rates.reserve(&target.model, estimate, gateway.config.timeouts.total()),
            },
        };
        let permit = self.ask(question).await.map_err(|refusal| refusal.about("model"))?;
        if let Err(refusal) = permission::accept(&permit, false, Taint::default()).await {
            // It never left.
            permit.settle(NOTHING);
            return Err(refusal);
        }
        let stopped = Stopped::of(&self.gateway, &permit);
        let terms = Terms { result_bytes_max: permit.obligations.result_bytes_max, stopped };
        let before = self.started.elapsed();
        let record_content = permit.obligations.record_content != Some(false);
        let decision = Arc::clone(&permit.decision);
        self.recording.note(|copy| {
            copy.record_content &= record_content;
            copy.decision = Some(decision);
            copy.before = before;
        });
        self.recording.settle_later(Reservation {
            permit,
            rates: Arc::clone(&gateway.rates),
            model: target.model.clone(),
            estimate,
            free,
            background: self.asked.background.then(|| Arc::clone(&gateway.background)),
        });
        Ok(terms)
    }
}
