//! `${{ }}`: Backstage's expressions, which it evaluates with Nunjucks, by minijinja within limits.
//!
//! Every step costs fuel, every byte that comes out does too; nothing can be read but what the context holds.

mod filters;
mod javascript;
mod shape;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use mizzen_model::suggest;

/// Fuel of one evaluation; one buys an instruction or 64 bytes.
const FUEL: u64 = 500_000;
/// Bytes that one evaluation may give.
const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// Blocks within blocks.
const RECURSION_MAX: usize = 100;
/// Lists and mappings within each other in what an expression gives; what is kept is read again, by readers with such a bound.
const VALUE_DEPTH_MAX: usize = 100;

/// How a text is marked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// `{{ cookiecutter.x }}` instead of `${{ values.x }}`.
    pub cookiecutter: bool,
    pub trim_blocks: bool,
    pub lstrip_blocks: bool,
}

/// What is wrong within a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// From 1.
    pub line: u32,
    /// In characters, from 1; the beginning of the expression when its line has only one.
    pub column: u32,
    pub message: String,
}

/// Evaluates texts of one style.
#[derive(Debug, Clone)]
pub struct Expressions {
    environment: Arc<Environment<'static>>,
    opening: &'static str,
}

impl Expressions {
    #[must_use]
    pub fn new(style: Style) -> Self {
        let opening = if style.cookiecutter { "{{" } else { "${{" };
        let syntax = SyntaxConfig::builder()
            .variable_delimiters(opening, "}}")
            .trim_blocks(style.trim_blocks)
            .lstrip_blocks(style.lstrip_blocks)
            .keep_trailing_newline(true)
            .build();
        let mut environment = Environment::new();
        // The delimiters are constants that differ; the default would be refused by the tests.
        environment.set_syntax(syntax.unwrap_or_default());
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(javascript_text);
        environment.set_unknown_method_callback(javascript::method);
        filters::add_to(&mut environment);
        environment.add_function("namespace", |_: Rest<Value>, _: Kwargs| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::UnknownFunction, "there is no function `namespace` here"))
        });
        Self { environment: Arc::new(environment), opening }
    }

    /// Renders a text with whatever expressions and blocks it has.
    ///
    /// # Errors
    /// When an expression is wrong, or takes or gives too much.
    pub fn text(&self, text: &str, context: &Value) -> Result<String, Fault> {
        if !text.contains(self.opening) && !text.contains("{%") && !text.contains("{#") {
            return Ok(text.to_owned());
        }
        let source = shape::checked(text, self.opening).map_err(|told| refused(text, told))?;
        let template = self.environment.template_from_str(&source).map_err(|error| self.fault(text, &error))?;
        let made = template.render(context).map_err(|error| self.fault(text, &error))?;
        // The fuel has bounded what there is until here.
        if made.len() > OUTPUT_BYTES_MAX {
            return Err(self.fault(text, &Error::from(ErrorKind::WriteFailure)));
        }
        Ok(made)
    }

    /// As [`Self::text`]; a text that is one expression and nothing else keeps the type of its value.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn value(&self, text: &str, context: &Value) -> Result<serde_json::Value, Fault> {
        let Some(expression) = self.whole(text) else { return self.text(text, context).map(Into::into) };
        let source = shape::checked_within(expression).map_err(|told| refused(text, told))?;
        let compiled = self.environment.compile_expression(&source).map_err(|error| self.fault(text, &error))?;
        let value = compiled.eval(context).map_err(|error| self.fault(text, &error))?;
        json(&value).map_err(|message| Fault { line: 1, column: 1, message })
    }

    /// The inner of a text that is one expression.
    fn whole<'t>(&self, text: &'t str) -> Option<&'t str> {
        let inner = text.strip_prefix(self.opening)?.strip_suffix("}}")?;
        let inner = inner.strip_prefix('-').unwrap_or(inner);
        let inner = inner.strip_suffix('-').unwrap_or(inner);
        (!javascript::has_outside_quotes(inner, "}}")).then_some(inner)
    }

    fn fault(&self, text: &str, error: &Error) -> Fault {
        let line = error.line().unwrap_or(1).max(1);
        let written = text.lines().nth(line - 1).unwrap_or_default();
        let marks = [self.opening, "{%", "{#"];
        let at = marks.iter().filter_map(|mark| written.find(mark)).min();
        let column = at.map_or(1, |at| written[..at].chars().count() + 1);
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Fault { line: small(line), column: small(column), message: message(error) }
    }
}

/// Why a text is not even parsed, and where the tag begins that is at fault.
fn refused(text: &str, (at, message): (usize, String)) -> Fault {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Fault { line: small(line), column: small(column), message }
}

/// What a value is in JSON; what is undefined is null.
fn json(value: &Value) -> Result<serde_json::Value, String> {
    if value.is_undefined() {
        return Ok(serde_json::Value::Null);
    }
    // One value may be a member many times over: what it comes to is known before it is made.
    serde_json::to_writer(Bounded(0), value).map_err(|error| match error.is_io() {
        true => format!("gives more than {OUTPUT_BYTES_MAX} bytes"),
        false => format!("the value cannot be kept: {error}"),
    })?;
    let value = serde_json::to_value(value).map_err(|error| format!("the value cannot be kept: {error}"))?;
    if !is_within(&value, VALUE_DEPTH_MAX) {
        return Err(format!("gives lists or mappings more than {VALUE_DEPTH_MAX} deep in each other"));
    }
    Ok(match value {
        // As in JavaScript, which has one kind of number.
        serde_json::Value::Number(number) => whole_number(number),
        other => other,
    })
}

fn is_within(value: &serde_json::Value, depth: usize) -> bool {
    match value {
        serde_json::Value::Array(members) => depth > 0 && members.iter().all(|member| is_within(member, depth - 1)),
        serde_json::Value::Object(fields) => depth > 0 && fields.values().all(|value| is_within(value, depth - 1)),
        _ => true,
    }
}

fn whole_number(number: serde_json::Number) -> serde_json::Value {
    match number.as_f64() {
        #[allow(clippy::cast_possible_truncation, reason = "the bound is far within 64 bits")]
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => (float as i64).into(),
        _ => number.into(),
    }
}

/// Writes a value as JavaScript would, which is what templates were written for: nothing for what is not there.
fn javascript_text(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = javascript::text(state, value)?;
    out.write_str(&text).map_err(|_| Error::from(ErrorKind::WriteFailure))
}

fn message(error: &Error) -> String {
    let detail = error.detail().map(str::to_owned);
    match error.kind() {
        ErrorKind::OutOfFuel => "takes too many steps or too much memory; a template is no place to compute".to_owned(),
        ErrorKind::WriteFailure => format!("gives more than {OUTPUT_BYTES_MAX} bytes"),
        ErrorKind::UnknownFilter => {
            let detail = detail.unwrap_or_default();
            let name = detail.split_whitespace().nth(1).unwrap_or_default().trim_matches('`').to_owned();
            match suggest::nearest(&name, filters::NAMES.iter().copied()) {
                Some(nearest) => format!("`{name}` is no filter; did you mean `{nearest}`?"),
                None => format!("`{name}` is no filter"),
            }
        }
        ErrorKind::TemplateNotFound => "`include`, `import` and `extends` have nothing to read here".to_owned(),
        kind => detail.unwrap_or_else(|| kind.to_string()),
    }
}

/// Counts what is written, up to what it may be.
struct Bounded(usize);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        match self.0 > OUTPUT_BYTES_MAX {
            true => Err(std::io::ErrorKind::FileTooLarge.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
