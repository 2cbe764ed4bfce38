//! Evaluates the expressions within a part of a template.

use std::sync::Arc;

use mizzen_governance::problem::Problem;
use mizzen_model::yaml::{Kind, Node};
use serde_json::{Map, Value};

use crate::template::definition::Template;
use crate::template::expression::{Expressions, Style};
use crate::template::problem::in_scalar;

pub(super) struct Renderer {
    template: Arc<Template>,
    expressions: Expressions,
}

impl Renderer {
    pub(super) fn new(template: Arc<Template>) -> Self {
        Self { template, expressions: Expressions::new(Style::default()) }
    }

    /// The same tree, its texts rendered; a text that is one expression keeps the type of its value.
    pub(super) fn value(&self, node: &Node, context: &minijinja::Value) -> Result<Value, Problem> {
        Ok(match &node.kind {
            Kind::Text(text) => self
                .expressions
                .value(text, context)
                .map_err(|fault| in_scalar(&self.template.source, &self.template.text, text, node.at, &fault))?,
            Kind::List(members) => {
                Value::Array(members.iter().map(|member| self.value(member, context)).collect::<Result<_, _>>()?)
            }
            Kind::Map(fields) => {
                let rendered = fields.iter().map(|(key, value)| Ok((key.name.clone(), self.value(value, context)?)));
                Value::Object(rendered.collect::<Result<Map<_, _>, Problem>>()?)
            }
            Kind::Null | Kind::Boolean(_) | Kind::Number(_) => node.to_json(),
        })
    }
}
