//! Evaluates the expressions within a part of a template.

use std::sync::Arc;

use mizzen_governance::problem::Problem;
use mizzen_model::yaml::{Kind, Node};
use serde_json::{Map, Value};

use crate::template::definition::Template;
use crate::template::expression::{Expressions, Style};
use crate::template::problem::{at, in_scalar};

#[derive(Clone)]
pub(super) struct Renderer {
    template: Arc<Template>,
    expressions: Expressions,
}

impl Renderer {
    pub(super) fn new(template: Arc<Template>) -> Self {
        Self { template, expressions: Expressions::new(Style::default()) }
    }

    /// The same tree, its texts rendered; a text that is one expression keeps the type of its value.
    pub(super) async fn value(&self, node: &Node, context: &minijinja::Value) -> Result<Value, Problem> {
        let (renderer, node, context) = (self.clone(), node.clone(), context.clone());
        let place = node.at;
        // Expressions are work for the processor, and may take their fuel to the end.
        let made = tokio::task::spawn_blocking(move || renderer.rendered(&node, &context));
        made.await.unwrap_or_else(|_| {
            Err(at(&self.template.source, place, "evaluating this ended without an answer".to_owned()))
        })
    }

    fn rendered(&self, node: &Node, context: &minijinja::Value) -> Result<Value, Problem> {
        Ok(match &node.kind {
            Kind::Text(text) => self
                .expressions
                .value(text, context)
                .map_err(|fault| in_scalar(&self.template.source, &self.template.text, text, node.at, &fault))?,
            Kind::List(members) => {
                Value::Array(members.iter().map(|member| self.rendered(member, context)).collect::<Result<_, _>>()?)
            }
            Kind::Map(fields) => {
                let rendered = fields.iter().map(|(key, value)| Ok((key.name.clone(), self.rendered(value, context)?)));
                Value::Object(rendered.collect::<Result<Map<_, _>, Problem>>()?)
            }
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) => node.to_json(),
        })
    }
}
