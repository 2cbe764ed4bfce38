//! CEL over facts: compiled once, checked against the types of the facts, and total.
//!
//! A check is a condition and no program: comparisons, `&&`, `||`, `!`, arithmetic, `in`, `size`, `startsWith`, `endsWith`,
//! `contains`, `double`, `c ? a : b`. There are no loops (`all`, `exists`, `map`), so that the cost of an expression is its
//! size. When a fact that it names is not there the answer is [`Answer::Missing`], whatever else it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators as op};
use cel::{Context, Env, IdedExpr, Program, Value};

use crate::facts::{FactType, FactValue, Facts, type_of};

/// Bytes of one expression.
pub const BYTES_MAX: usize = 2_000;
/// Nodes of its tree.
const NODES_MAX: usize = 200;
/// How deep it nests; the parser has a limit of its own above this.
const DEPTH_MAX: usize = 32;

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Why an expression is none. Positions are characters of the expression, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("an expression has at most {BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    #[error("an expression has at most {NODES_MAX} parts and nests at most {DEPTH_MAX} deep; split it into two checks")]
    TooLarge,
    #[error("this is no CEL expression, at character {at}: {message}")]
    Syntax { at: u32, message: String },
    #[error("there is no fact `{name}`{}", did_you_mean(.nearest.as_deref()))]
    UnknownFact { name: String, nearest: Option<String> },
    #[error(
        "`{name}` cannot be used in a check; what can be used: comparisons, `&&`, `||`, `!`, `in`, `size`, `startsWith`, `endsWith`, `contains`, `double`"
    )]
    Refused { name: String },
    #[error("at character {at}: `{operation}` does not fit {types}{hint}")]
    Types { at: u32, operation: String, types: String, hint: &'static str },
    #[error("a check says true or false, and this expression is a {0}")]
    NotBoolean(&'static str),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `mizzen scorecard facts` lists them all".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}

/// What an expression says of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
    /// Facts that it names and nobody could give.
    Missing(Vec<String>),
    /// It cannot be worked out, for example because it divides by zero.
    Failed(String),
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    text: String,
    program: Program,
    facts: BTreeSet<String>,
}

impl Expression {
    /// # Errors
    /// When it is no CEL, names an unknown fact, or compares what cannot be compared.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > BYTES_MAX {
            return Err(ExpressionError::TooLong(text.len()));
        }
        let program = STANDARD.compile(text).map_err(|errors| syntax(&errors))?;
        let mut checker = Checker { program: &program, facts: BTreeSet::new(), nodes: 0 };
        let kind = checker.type_of(program.expression(), 0)?;
        if kind != Type::Bool {
            return Err(ExpressionError::NotBoolean(kind.noun()));
        }
        let facts = checker.facts;
        Ok(Self { text: text.to_owned(), program, facts })
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The facts that it names.
    #[must_use]
    pub const fn facts(&self) -> &BTreeSet<String> {
        &self.facts
    }

    #[must_use]
    pub fn answer(&self, facts: &Facts) -> Answer {
        let missing: Vec<String> = self.facts.iter().filter(|name| facts.get(name).is_none()).cloned().collect();
        if !missing.is_empty() {
            return Answer::Missing(missing);
        }
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        for (group, members) in tree(&self.facts, facts) {
            context.add_variable_from_value(group, members);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(true)) => Answer::Yes,
            Ok(Value::Bool(false)) => Answer::No,
            Ok(_) => Answer::Failed("it said neither true nor false".to_owned()),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

fn syntax(errors: &cel::ParseErrors) -> ExpressionError {
    let first = errors.errors.first();
    let at = first.map_or(1, |error| u32::try_from(error.pos.1).unwrap_or(1).max(1));
    let message = first.map_or_else(|| "it cannot be read".to_owned(), |error| error.msg.clone());
    ExpressionError::Syntax { at, message }
}

/// The named facts as CEL sees them: maps in maps.
fn tree(names: &BTreeSet<String>, facts: &Facts) -> BTreeMap<String, Value> {
    #[derive(Default)]
    struct Branch {
        leaves: HashMap<String, Value>,
        branches: HashMap<String, HashMap<String, Value>>,
    }
    let mut groups: BTreeMap<String, Branch> = BTreeMap::new();
    for name in names {
        let Some(fact) = facts.get(name) else { continue };
        let value = cel_value(&fact.value);
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            [group, field] => {
                groups.entry((*group).to_owned()).or_default().leaves.insert((*field).to_owned(), value);
            }
            [group, metric, field] => {
                let branch = groups.entry((*group).to_owned()).or_default();
                branch.branches.entry((*metric).to_owned()).or_default().insert((*field).to_owned(), value);
            }
            _ => {}
        }
    }
    let value = |branch: Branch| {
        let mut members = branch.leaves;
        members.extend(branch.branches.into_iter().map(|(name, fields)| (name, Value::from(fields))));
        Value::from(members)
    };
    groups.into_iter().map(|(group, branch)| (group, value(branch))).collect()
}

fn cel_value(value: &FactValue) -> Value {
    match value {
        FactValue::Bool(value) => Value::Bool(*value),
        FactValue::Int(value) => Value::Int(*value),
        FactValue::Number(value) => Value::Float(*value),
        FactValue::Text(value) => Value::from(value.clone()),
        FactValue::Texts(values) => Value::from(values.clone()),
    }
}

/// The types that a part of an expression can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Number,
    Text,
    Texts,
    Numbers,
}

impl Type {
    const fn noun(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Number => "number",
            Self::Text => "text",
            Self::Texts => "list of texts",
            Self::Numbers => "list of numbers",
        }
    }

    const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Number)
    }
}

impl From<FactType> for Type {
    fn from(kind: FactType) -> Self {
        match kind {
            FactType::Bool => Self::Bool,
            FactType::Int => Self::Int,
            FactType::Number => Self::Number,
            FactType::Text => Self::Text,
            FactType::Texts => Self::Texts,
        }
    }
}

struct Checker<'p> {
    program: &'p Program,
    facts: BTreeSet<String>,
    nodes: usize,
}

impl Checker<'_> {
    fn type_of(&mut self, node: &IdedExpr, depth: usize) -> Result<Type, ExpressionError> {
        self.nodes += 1;
        if self.nodes > NODES_MAX || depth > DEPTH_MAX {
            return Err(ExpressionError::TooLarge);
        }
        match &node.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(_) | Expr::Select(_) => self.fact(node),
            Expr::List(list) => self.list(node, &list.elements, depth),
            Expr::Call(call) => self.call(node, call, depth),
            Expr::Comprehension(_) => Err(refused("a loop (`all`, `exists`, `map`, `filter`)")),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err(refused("a map or message")),
        }
    }

    fn fact(&mut self, node: &IdedExpr) -> Result<Type, ExpressionError> {
        let name = path(node).ok_or_else(|| refused("`has` or a member of a value"))?;
        let kind = type_of(&name).map_err(|nearest| ExpressionError::UnknownFact { name: name.clone(), nearest })?;
        self.facts.insert(name);
        Ok(kind.into())
    }

    fn list(&mut self, node: &IdedExpr, elements: &[IdedExpr], depth: usize) -> Result<Type, ExpressionError> {
        let mut kinds = Vec::with_capacity(elements.len());
        for element in elements {
            kinds.push(self.type_of(element, depth + 1)?);
        }
        match kinds.as_slice() {
            [] => Ok(Type::Texts),
            kinds if kinds.iter().all(|kind| *kind == Type::Text) => Ok(Type::Texts),
            kinds if kinds.iter().all(|kind| *kind == kinds[0] && kind.is_number()) => Ok(Type::Numbers),
            kinds => Err(self.mismatch(node, "[…]", kinds, "; its members are all texts or all numbers of one type")),
        }
    }

    fn call(&mut self, node: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Type, ExpressionError> {
        let mut kinds = Vec::with_capacity(call.args.len() + 1);
        for argument in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
            kinds.push(self.type_of(argument, depth + 1)?);
        }
        let name = call.func_name.as_str();
        result(name, &kinds).ok_or_else(|| {
            if KNOWN.contains(&name) {
                self.mismatch(node, shown(name), &kinds, hint(name, &kinds))
            } else {
                refused(name)
            }
        })
    }

    fn mismatch(&self, node: &IdedExpr, operation: &str, kinds: &[Type], hint: &'static str) -> ExpressionError {
        let at = self.program.source_info().offset_for(node.id).map_or(1, |(start, _)| start + 1);
        let types = kinds.iter().map(|kind| kind.noun()).collect::<Vec<_>>().join(" and ");
        ExpressionError::Types { at, operation: operation.to_owned(), types, hint }
    }
}

const KNOWN: &[&str] = &[
    op::CONDITIONAL,
    op::LOGICAL_AND,
    op::LOGICAL_OR,
    op::LOGICAL_NOT,
    op::SUBSTRACT,
    op::ADD,
    op::MULTIPLY,
    op::DIVIDE,
    op::MODULO,
    op::EQUALS,
    op::NOT_EQUALS,
    op::GREATER_EQUALS,
    op::LESS_EQUALS,
    op::GREATER,
    op::LESS,
    op::NEGATE,
    op::IN,
    "size",
    "double",
    "startsWith",
    "endsWith",
    "contains",
];

/// What `name` gives for arguments of these types; `None`: it does not take them, or is not known.
fn result(name: &str, kinds: &[Type]) -> Option<Type> {
    use Type::{Bool, Int, Number, Numbers, Text, Texts};
    match (name, kinds) {
        (op::LOGICAL_AND | op::LOGICAL_OR, [Bool, Bool]) | (op::LOGICAL_NOT, [Bool]) => Some(Bool),
        (op::CONDITIONAL, [Bool, a, b]) if a == b => Some(*a),
        (op::EQUALS | op::NOT_EQUALS, [a, b]) if a == b => Some(Bool),
        (op::GREATER | op::GREATER_EQUALS | op::LESS | op::LESS_EQUALS, [a, b])
            if (a.is_number() && b.is_number()) || (*a == Text && *b == Text) =>
        {
            Some(Bool)
        }
        (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE, [a, b]) if a == b && a.is_number() => Some(*a),
        (op::MODULO, [Int, Int]) | ("size", [Text | Texts | Numbers]) => Some(Int),
        (op::NEGATE, [a]) if a.is_number() => Some(*a),
        (op::IN, [Text, Texts] | [Int | Number, Numbers]) => Some(Bool),
        ("double", [Int | Number]) => Some(Number),
        ("startsWith" | "endsWith" | "contains", [Text, Text]) => Some(Bool),
        _ => None,
    }
}

fn hint(name: &str, kinds: &[Type]) -> &'static str {
    match kinds {
        [Type::Int, Type::Number] | [Type::Number, Type::Int] if name != op::IN => {
            "; write the number with a point (`1.0`), or `double(…)` around the int"
        }
        [Type::Texts, ..] => "; `size(…)` counts the members of a list",
        _ => "",
    }
}

/// An operator as people write it.
fn shown(name: &str) -> &str {
    match name {
        op::IN => "in",
        op::CONDITIONAL => "? :",
        other => other.trim_matches(['_', '@']),
    }
}

fn refused(name: &str) -> ExpressionError {
    ExpressionError::Refused { name: name.trim_matches('`').to_owned() }
}

fn literal_type(literal: &LiteralValue) -> Result<Type, ExpressionError> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(_) => Ok(Type::Int),
        LiteralValue::Double(_) => Ok(Type::Number),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => {
            Err(refused("a literal of bytes, null or an unsigned number"))
        }
    }
}

/// `a.b.c`, when that is what the node is.
fn path(node: &IdedExpr) -> Option<String> {
    match &node.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
