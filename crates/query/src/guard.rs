//! What a statement may be: one query over known tables, and nothing that reads or writes anything else.
//!
//! Every statement that is not a query is refused by kind, before it is planned; what remains cannot name a
//! file or URL because tables are looked up in a fixed list, and cannot call a table function because none is
//! let through. Queries that would grow without bound while they are planned (a `WITH` table used by the next
//! several times over) are refused by counting the tables they come to, and the expressions ([`size`]).

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, Statement as SqlStatement, TableFactor, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::QueryError;

mod size;

/// Longest statement that is read.
pub(crate) const SQL_BYTES_MAX: usize = 64 * 1024;
/// Tables a statement may come to, when every use of a `WITH` table counts as what it stands for.
pub(crate) const RELATIONS_MAX: u64 = 64;

/// Words and signs of a statement: what is read of them can be freed without a deep stack.
const TOKENS_MAX: usize = 8_000;
/// Expressions inside each other, as each sign of a long sum is: they are planned by recursion.
const DEPTH_MAX: usize = 250;

/// A statement that may be run.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) statement: Statement,
    pub(crate) is_explain: bool,
    /// Lower-case names of the tables it reads, those of `WITH` among them.
    pub(crate) tables: Vec<String>,
}

/// Reads `sql` and refuses what is not one query over `known` tables.
pub(crate) fn admit(sql: &str, known: &[&str]) -> Result<Admitted, QueryError> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(QueryError::NotAllowed(format!("the statement is longer than {SQL_BYTES_MAX} bytes")));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    if tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count() > TOKENS_MAX {
        return Err(QueryError::NotAllowed(format!("the statement has more than {TOKENS_MAX} words and signs")));
    }
    let mut statements = DFParser::parse_sql(sql).map_err(|error| QueryError::from_engine(error, 0))?;
    let statement = match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => statement,
        (None, _) => return Err(QueryError::NotAllowed("there is no statement".to_owned())),
        (Some(_), more) => return Err(QueryError::NotAllowed(format!("there are {} statements", more + 1))),
    };
    let (query, is_explain) = query_of(&statement)?;
    let mut names = Names::default();
    if let ControlFlow::Break(refused) = query.visit(&mut names) {
        return Err(refused.into());
    }
    let with: Vec<String> = names.with.iter().map(|(name, _)| name.clone()).collect();
    for name in &names.tables {
        if !known.contains(&name.as_str()) && !with.contains(name) {
            let known = known.iter().map(|table| (*table).to_owned()).chain(with).collect();
            return Err(QueryError::unknown("table", name, known));
        }
    }
    if names.relations() > RELATIONS_MAX {
        return Err(QueryError::NotAllowed(format!("the statement comes to more than {RELATIONS_MAX} tables")));
    }
    size::check(query)?;
    let tables = names.tables;
    Ok(Admitted { statement, is_explain, tables })
}

fn query_of(statement: &Statement) -> Result<(&Query, bool), QueryError> {
    match statement {
        Statement::Statement(sql) => match sql.as_ref() {
            SqlStatement::Query(query) => Ok((query, false)),
            SqlStatement::Explain { statement, .. } => match statement.as_ref() {
                SqlStatement::Query(query) => Ok((query, true)),
                other => Err(refuse_statement(&other.to_string())),
            },
            other => Err(refuse_statement(&other.to_string())),
        },
        Statement::Explain(explain) => match query_of(&explain.statement)? {
            (query, false) => Ok((query, true)),
            (_, true) => Err(refuse_statement("EXPLAIN of EXPLAIN")),
        },
        other => Err(refuse_statement(&other.to_string())),
    }
}

fn refuse_statement(text: &str) -> QueryError {
    let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    QueryError::NotAllowed(format!("`{verb}` cannot be run here"))
}

/// What a query mentions and may not.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Within(&'static str),
    TableFunction(String),
    Qualified(String),
    Deep,
    Wide,
}

impl From<Refused> for QueryError {
    fn from(refused: Refused) -> Self {
        Self::NotAllowed(match refused {
            Refused::Within(what) => format!("`{what}` cannot be part of a query here"),
            Refused::TableFunction(name) => format!("table function `{name}` cannot be used here"),
            Refused::Qualified(name) => format!("table `{name}` has a prefix, which no table here has"),
            Refused::Deep => format!("more than {DEPTH_MAX} expressions are inside each other"),
            Refused::Wide => format!("more than {RELATIONS_MAX} queries are united"),
        })
    }
}

/// Tables by name, and how often, for the query itself and for each of its `WITH` tables.
#[derive(Debug, Default)]
struct Names {
    tables: Vec<String>,
    /// `WITH` tables with what they use, in the order they are written: each uses only earlier ones.
    with: Vec<(String, Vec<String>)>,
    /// Expressions around the one that is visited.
    depth: usize,
}

impl Names {
    /// How many tables the query comes to. Recursive uses count once.
    fn relations(&self) -> u64 {
        let mut size: HashMap<&str, u64> = HashMap::new();
        let total = |uses: &[String], size: &HashMap<&str, u64>| {
            uses.iter().fold(0u64, |sum, name| sum.saturating_add(size.get(name.as_str()).copied().unwrap_or(1)))
        };
        let mut largest = 0;
        for (name, uses) in &self.with {
            let own = total(uses, &size).max(1);
            largest = largest.max(own);
            size.insert(name, own);
        }
        total(&self.tables, &size).max(largest)
    }
}

impl Visitor for Names {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refused> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let mut uses = Names::default();
            table.query.visit(&mut uses)?;
            self.with.push((lower(&table.alias.name.value), uses.tables));
        }
        bodies(&query.body)?;
        if query.locks.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(Refused::Within("FOR")) }
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<Refused> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { ControlFlow::Break(Refused::Deep) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Refused> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refused> {
        if select.into.is_some() { ControlFlow::Break(Refused::Within("INTO")) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_statement(&mut self, _: &SqlStatement) -> ControlFlow<Refused> {
        // The visit starts at the query, so that every statement below it is an INSERT and its like in a body.
        ControlFlow::Break(Refused::Within("INSERT, UPDATE, DELETE or MERGE"))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refused> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } => {
                ControlFlow::Break(Refused::TableFunction(name.to_string()))
            }
            TableFactor::Function { name, .. } => ControlFlow::Break(Refused::TableFunction(name.to_string())),
            TableFactor::TableFunction { expr, .. } => ControlFlow::Break(Refused::TableFunction(expr.to_string())),
            TableFactor::JsonTable { .. } => ControlFlow::Break(Refused::TableFunction("JSON_TABLE".to_owned())),
            TableFactor::OpenJsonTable { .. } => ControlFlow::Break(Refused::TableFunction("OPENJSON".to_owned())),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Refused> {
        match relation.0.as_slice() {
            [part] => match part.as_ident() {
                Some(ident) if ident.quote_style.is_some() => self.tables.push(ident.value.clone()),
                Some(ident) => self.tables.push(lower(&ident.value)),
                None => return ControlFlow::Break(Refused::TableFunction(relation.to_string())),
            },
            _ => return ControlFlow::Break(Refused::Qualified(relation.to_string())),
        }
        ControlFlow::Continue(())
    }
}

fn lower(name: &str) -> String {
    name.to_lowercase()
}

/// No body, nor one that it unites, may be `TABLE name`: sqlparser does not report its table. Nor may there be many.
fn bodies(body: &SetExpr) -> ControlFlow<Refused> {
    let (mut bodies, mut united) = (vec![body], 0);
    while let Some(body) = bodies.pop() {
        match body {
            SetExpr::Table(_) => return ControlFlow::Break(Refused::Within("TABLE")),
            SetExpr::SetOperation { left, right, .. } => bodies.extend([left.as_ref(), right.as_ref()]),
            _ => united += 1,
        }
    }
    if united > RELATIONS_MAX { ControlFlow::Break(Refused::Wide) } else { ControlFlow::Continue(()) }
}

#[cfg(test)]
mod tests;
