//! What policies look at in the context, so that nothing else has to be worked out for a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::pst::{Clause, Expr, Var};

/// Which readings of an argument are looked at; see `docs/boundaries.md` for what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Readings(u16);

impl Readings {
    pub(crate) const NAMES: [&'static str; 10] =
        ["kind", "string", "integer", "number", "boolean", "length", "strings", "integers", "numbers", "booleans"];
    pub(crate) const ALL: Self = Self((1 << 10) - 1);
    pub(crate) const STRING: Self = Self(1 << 1);
    pub(crate) const INTEGER: Self = Self(1 << 2);
    pub(crate) const NUMBER: Self = Self(1 << 3);
    pub(crate) const BOOLEAN: Self = Self(1 << 4);
    pub(crate) const LENGTH: Self = Self(1 << 5);
    pub(crate) const STRINGS: Self = Self(1 << 6);
    pub(crate) const INTEGERS: Self = Self(1 << 7);
    pub(crate) const NUMBERS: Self = Self(1 << 8);
    pub(crate) const BOOLEANS: Self = Self(1 << 9);
    pub(crate) const OF_ARRAYS: Self = Self(0b11_1100_0000);

    fn named(name: &str) -> Self {
        Self::NAMES.iter().position(|known| *known == name).map_or(Self(0), |bit| Self(1 << bit))
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a set of policies needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Needs {
    pub(crate) arguments: BTreeMap<String, Readings>,
    /// Metrics, as policies write them.
    pub(crate) metrics: BTreeSet<String>,
    pub(crate) argument_names: bool,
    pub(crate) schemas: bool,
    pub(crate) taint: bool,
    pub(crate) touches: bool,
    pub(crate) tool: bool,
    pub(crate) time: bool,
    pub(crate) budget: bool,
    pub(crate) agent_digest: bool,
    pub(crate) version: bool,
    /// A policy looks at the context as a whole, or at all arguments or all evidence.
    pub(crate) everything: bool,
}

impl Needs {
    pub(crate) fn of<'a>(clauses: impl IntoIterator<Item = &'a Clause>) -> Self {
        let mut needs = Self::default();
        for clause in clauses {
            let (Clause::When(expr) | Clause::Unless(expr)) = clause;
            needs.walk(expr);
        }
        needs
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (name, readings) in &other.arguments {
            let known = self.arguments.entry(name.clone()).or_default();
            *known = known.union(*readings);
        }
        self.metrics.extend(other.metrics.iter().cloned());
        self.argument_names |= other.argument_names;
        self.schemas |= other.schemas;
        self.taint |= other.taint;
        self.touches |= other.touches;
        self.tool |= other.tool;
        self.time |= other.time;
        self.budget |= other.budget;
        self.agent_digest |= other.agent_digest;
        self.version |= other.version;
        self.everything |= other.everything;
    }

    /// All that the schema knows, for who looks at everything.
    pub(crate) fn within(self, vocabulary: &Self) -> Self {
        if self.everything { Self::all_of(vocabulary) } else { self }
    }

    fn all_of(vocabulary: &Self) -> Self {
        Self {
            arguments: vocabulary.arguments.keys().map(|name| (name.clone(), Readings::ALL)).collect(),
            metrics: vocabulary.metrics.clone(),
            argument_names: true,
            schemas: true,
            taint: true,
            touches: true,
            tool: true,
            time: true,
            budget: true,
            agent_digest: true,
            version: true,
            everything: true,
        }
    }

    fn walk(&mut self, expr: &Expr) {
        if let Some(path) = context_path(expr) {
            self.take(&path, false);
            return;
        }
        if let Expr::HasAttr { expr, attrs } = expr
            && let Some(mut path) = context_path(expr)
        {
            path.extend(attrs.iter().map(|attr| attr.as_str()));
            self.take(&path, true);
            return;
        }
        for child in children(expr) {
            self.walk(child);
        }
    }

    /// `presence`: only whether it is there is asked.
    fn take(&mut self, path: &[&str], presence: bool) {
        match path {
            [] => self.everything = true,
            ["arguments"] | ["evidence"] => self.everything |= !presence,
            ["arguments", name] => {
                let readings = if presence { Readings::default() } else { Readings::ALL };
                let known = self.arguments.entry((*name).to_owned()).or_default();
                *known = known.union(readings);
            }
            ["arguments", name, reading, ..] => {
                let known = self.arguments.entry((*name).to_owned()).or_default();
                *known = known.union(Readings::named(reading));
            }
            ["evidence", metric, ..] => {
                self.metrics.insert((*metric).to_owned());
            }
            ["argument_names", ..] => self.argument_names = true,
            ["schemas", ..] => self.schemas = true,
            ["taint", ..] => self.taint = true,
            ["touches", ..] => self.touches = true,
            ["tool", ..] => self.tool = true,
            ["time", ..] => self.time = true,
            ["budget", ..] => self.budget = true,
            ["agent_digest", ..] => self.agent_digest = true,
            ["version", ..] => self.version = true,
            // No such attribute; strict validation says so.
            _ => {}
        }
    }
}

/// `context`, `context.a`, `context.a.b`, …
fn context_path(expr: &Expr) -> Option<Vec<&str>> {
    match expr {
        Expr::Var(Var::Context) => Some(Vec::new()),
        Expr::GetAttr { expr, attr } => {
            let mut path = context_path(expr)?;
            path.push(attr.as_str());
            Some(path)
        }
        _ => None,
    }
}

/// The parts of an expression, in the order of their evaluation.
pub(crate) fn children(expr: &Expr) -> Vec<&Expr> {
    fn of(arc: &Arc<Expr>) -> &Expr {
        arc
    }
    match expr {
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => {
            vec![of(expr)]
        }
        Expr::BinaryOp { left, right, .. } => vec![of(left), of(right)],
        Expr::Is { expr, in_expr, .. } => std::iter::once(of(expr)).chain(in_expr.as_ref().map(of)).collect(),
        Expr::IfThenElse { cond, then_expr, else_expr } => vec![of(cond), of(then_expr), of(else_expr)],
        Expr::Set(members) => members.iter().map(of).collect(),
        Expr::Record(fields) => fields.values().map(of).collect(),
        _ => vec![],
    }
}
