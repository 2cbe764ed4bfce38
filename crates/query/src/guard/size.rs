//! How large a statement becomes while it is planned. The planner puts a `WITH` table, and the expression behind a column,
//! wherever they are used, and does not pause meanwhile: forty levels that each use the one before twice come to 2^40
//! expressions, or to a type of as many fields. So before anything is planned it is worked out how many expressions
//! each column comes to. Where it is not sure which column is meant, the largest counts.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, PipeOperator, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor,
    TableWithJoins, Value, Visit, Visitor, WindowType,
};

use crate::error::QueryError;

/// Expressions a statement may come to, when every use of a column counts as what it stands for.
pub(super) const EXPRESSIONS_MAX: u64 = 50_000;
/// So many bytes of a text or of the name of a type are one expression: they may be the names of many fields.
const TEXT_BYTES: usize = 32;
/// A list of at most as many values becomes one comparison for each.
const LIST_INLINED_MAX: usize = 3;
/// Functions that become a condition which has their first argument twice.
const DOUBLING: [&str; 5] = ["coalesce", "ifnull", "nullif", "nvl", "nvl2"];

/// Refuses a query that comes to too much.
pub(super) fn check(query: &Query) -> Result<(), QueryError> {
    let total = Sizes::default().query(query).total;
    if total <= EXPRESSIONS_MAX {
        return Ok(());
    }
    Err(QueryError::NotAllowed(format!(
        "the statement comes to more than {EXPRESSIONS_MAX} expressions, as each use of a column counts as what it stands for"
    )))
}

/// What a table or query comes to.
#[derive(Debug, Clone, Default)]
struct Relation {
    /// The size of each column, by its name in lower case.
    columns: HashMap<String, u64>,
    /// Of any column whose name is not known.
    other: u64,
    /// Of all expressions it is planned from.
    total: u64,
}

impl Relation {
    fn stored() -> Self {
        Self { columns: HashMap::new(), other: 1, total: 1 }
    }

    /// Of columns whose names are not known.
    fn nameless(size: u64, total: u64) -> Self {
        Self { columns: HashMap::new(), other: size, total }
    }

    fn column(&self, name: &str) -> u64 {
        self.columns.get(name).copied().unwrap_or(self.other)
    }

    fn add(&mut self, name: &Ident, size: u64) {
        let column = self.columns.entry(name.value.to_lowercase()).or_default();
        *column = size.max(*column);
    }

    fn largest(&self) -> u64 {
        self.columns.values().copied().fold(self.other, u64::max)
    }

    /// Of all its columns together.
    fn width(&self) -> u64 {
        sum(self.columns.values().copied()).saturating_add(self.other)
    }

    fn spend(&mut self, size: u64) {
        self.total = self.total.saturating_add(size);
    }

    /// Columns of an alias have names of their own.
    fn renamed(self, alias: Option<&TableAlias>) -> Self {
        if alias.is_none_or(|alias| alias.columns.is_empty()) {
            return self;
        }
        Self::nameless(self.largest(), self.total)
    }

    /// Columns of united queries go by place: each may be the largest of the other.
    fn united(mut self, other: &Self) -> Self {
        let largest = other.largest();
        self.columns.values_mut().for_each(|size| *size = largest.max(*size));
        self.other = largest.max(self.other);
        self.spend(other.total);
        self
    }
}

/// A `WITH` table.
#[derive(Debug)]
struct With {
    name: String,
    relation: Relation,
    is_used: bool,
}

/// What can be named at one place of a statement.
#[derive(Debug, Default)]
struct Sizes {
    with: Vec<With>,
    scope: Vec<Relation>,
    /// Of the windows that the current `SELECT` has named.
    windows: u64,
}

impl Sizes {
    fn query(&mut self, query: &Query) -> Relation {
        let (with, scope) = (self.with.len(), self.scope.len());
        if let Some(tables) = &query.with {
            for table in &tables.cte_tables {
                self.with(&table.alias, &table.query, tables.recursive);
            }
        }
        let mut relation = self.body(&query.body);
        self.scope.push(relation.clone());
        let size = self.size(&query.order_by).saturating_add(self.size(&query.limit_clause));
        relation.spend(size);
        for operator in &query.pipe_operators {
            relation = self.piped(relation, operator);
            self.scope.push(relation.clone());
        }
        // The planner plans them all the same.
        let unused = self.with.drain(with..).filter(|table| !table.is_used);
        relation.spend(sum(unused.map(|table| table.relation.total)));
        self.scope.truncate(scope);
        relation
    }

    fn piped(&mut self, mut relation: Relation, operator: &PipeOperator) -> Relation {
        let size = self.size(operator);
        relation.spend(size);
        match operator {
            PipeOperator::Where { .. } | PipeOperator::OrderBy { .. } | PipeOperator::Limit { .. } => relation,
            PipeOperator::Join(join) => {
                let joined = self.factor(&join.relation);
                Relation::nameless(
                    relation.width().saturating_add(joined.width()),
                    relation.total.saturating_add(joined.total),
                )
            }
            _ => Relation::nameless(relation.width().saturating_add(size), relation.total.saturating_add(size)),
        }
    }

    fn with(&mut self, alias: &TableAlias, query: &Query, is_recursive: bool) {
        let name = exact(&alias.name);
        if let (true, SetExpr::SetOperation { left, .. }) = (is_recursive, query.body.as_ref()) {
            // In its own rounds it is read like a stored table, with columns of the type they begin with.
            let scope = self.scope.len();
            let start = Relation { total: 1, ..self.body(left) };
            self.scope.truncate(scope);
            self.with.push(With { name: name.clone(), relation: start.renamed(Some(alias)), is_used: false });
        }
        let relation = self.query(query).renamed(Some(alias));
        self.with.push(With { name, relation, is_used: false });
    }

    /// What it reads stays in scope for what follows in the query around it.
    fn body(&mut self, body: &SetExpr) -> Relation {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let left = self.body(left);
                left.united(&self.body(right))
            }
            other => {
                let size = self.size(other);
                Relation::nameless(size, size)
            }
        }
    }

    fn select(&mut self, select: &Select) -> Relation {
        let (from, outer_windows) = (self.scope.len(), self.windows);
        let mut total = 0u64;
        for table in &select.from {
            total = total.saturating_add(self.joined(table));
        }
        self.windows = self.size(&select.named_window);
        let mut answer = Relation::default();
        for item in &select.projection {
            let size = self.size(item);
            match item {
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => answer.add(name, size),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => {
                    names.last().into_iter().for_each(|name| answer.add(name, size));
                }
                SelectItem::ExprWithAlias { alias, .. } => answer.add(alias, size),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    self.wildcard(item, size, from, &mut answer)
                }
                _ => answer.other = answer.other.saturating_add(size),
            }
        }
        total = total.saturating_add(answer.width()).saturating_add(self.windows);
        self.scope.push(answer.clone());
        let grouping = self.size(&select.group_by).saturating_mul(grouping_sets(&select.group_by));
        total = total.saturating_add(grouping);
        for size in [
            self.size(&select.distinct),
            self.size(&select.selection),
            self.size(&select.having),
            self.size(&select.qualify),
            self.size(&select.sort_by),
        ] {
            total = total.saturating_add(size);
        }
        self.windows = outer_windows;
        Relation { total, ..answer }
    }

    /// All columns of what is read; with options that exchange or rename some, under names that are not known.
    fn wildcard(&self, item: &SelectItem, size: u64, from: usize, answer: &mut Relation) {
        let is_plain = size == 0 && item.to_string().ends_with('*');
        for relation in self.scope.iter().skip(from) {
            if is_plain {
                for (name, size) in &relation.columns {
                    let column = answer.columns.entry(name.clone()).or_default();
                    *column = (*size).max(*column);
                }
                answer.other = answer.other.saturating_add(relation.other);
            } else {
                answer.other = answer.other.saturating_add(relation.width());
            }
        }
        answer.other = answer.other.saturating_add(size);
    }

    /// Brings tables into scope, and answers the size of all that they are planned from.
    fn joined(&mut self, table: &TableWithJoins) -> u64 {
        let mut total = self.factor(&table.relation).total;
        for join in &table.joins {
            total = total.saturating_add(self.factor(&join.relation).total);
            total = total.saturating_add(self.size(&join.join_operator));
        }
        total
    }

    /// Brings a table into scope.
    fn factor(&mut self, factor: &TableFactor) -> Relation {
        let relation = match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = name.0.last().and_then(|part| part.as_ident()).map(exact).unwrap_or_default();
                let relation = match self.with.iter_mut().rev().find(|table| table.name == name) {
                    Some(table) => {
                        table.is_used = true;
                        table.relation.clone()
                    }
                    None => Relation::stored(),
                };
                relation.renamed(alias.as_ref())
            }
            TableFactor::Derived { subquery, alias, .. } => self.query(subquery).renamed(alias.as_ref()),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                let from = self.scope.len();
                let total = self.joined(table_with_joins);
                let size = sum(self.scope.iter().skip(from).map(Relation::largest));
                Relation::nameless(size, total)
            }
            other => {
                let size = self.size(other);
                Relation::nameless(size, size)
            }
        };
        self.scope.push(relation.clone());
        relation
    }

    fn size(&mut self, part: &impl Visit) -> u64 {
        let mut counted = Counted { sizes: self, around: vec![0], queries: 0 };
        let _: ControlFlow<()> = part.visit(&mut counted);
        sum(counted.around.into_iter())
    }

    /// Of an expression without those inside it.
    fn own(&self, expression: &Expr) -> u64 {
        let names = match expression {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(names) => names,
            Expr::Value(value) => return 1 + text_size(&value.value),
            Expr::Cast { data_type, .. } => return 1 + (data_type.to_string().len() / TEXT_BYTES) as u64,
            Expr::Function(function) if matches!(function.over, Some(WindowType::NamedWindow(_))) => {
                return self.windows.saturating_add(1);
            }
            _ => return 1,
        };
        let sizes = names.iter().map(|name| {
            let name = name.value.to_lowercase();
            self.scope.iter().map(|relation| relation.column(&name)).max().unwrap_or_default()
        });
        sizes.max().unwrap_or_default().saturating_add(1)
    }
}

/// Adds up the expressions of one part of a statement. A query in it is counted as a whole, and then passed over.
struct Counted<'a> {
    sizes: &'a mut Sizes,
    /// For each expression around the one that is visited, what was counted within it.
    around: Vec<u64>,
    queries: usize,
}

impl Counted<'_> {
    fn add(&mut self, size: u64) {
        if let Some(around) = self.around.last_mut() {
            *around = around.saturating_add(size);
        }
    }
}

impl Visitor for Counted<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.queries == 0 {
            let relation = self.sizes.query(query);
            self.add(relation.total.saturating_add(relation.largest()));
        }
        self.queries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.queries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        if self.queries == 0 {
            self.around.push(0);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        if self.queries == 0 {
            let inside = self.around.pop().unwrap_or_default().saturating_mul(times(expression));
            let own = self.sizes.own(expression);
            self.add(inside.saturating_add(own));
        }
        ControlFlow::Continue(())
    }
}

/// How often the planner may write what is inside an expression.
fn times(expression: &Expr) -> u64 {
    match expression {
        Expr::Between { .. } => 2,
        Expr::InList { list, .. } if list.len() <= LIST_INLINED_MAX => LIST_INLINED_MAX as u64,
        Expr::Function(function) => {
            let name = function.name.to_string().to_lowercase();
            if DOUBLING.contains(&name.trim_matches('"')) { 2 } else { 1 }
        }
        _ => 1,
    }
}

/// How many groupings a `GROUP BY` comes to: `CUBE` of n columns is one for each subset of them.
fn grouping_sets(group_by: &GroupByExpr) -> u64 {
    let GroupByExpr::Expressions(expressions, _) = group_by else { return 1 };
    expressions.iter().fold(1, |sets, expression| {
        let of_one = match expression {
            Expr::Cube(columns) => {
                u32::try_from(columns.len()).ok().and_then(|n| 2u64.checked_pow(n)).unwrap_or(u64::MAX)
            }
            Expr::Rollup(columns) => columns.len() as u64 + 1,
            Expr::GroupingSets(sets) => sets.len() as u64,
            _ => 1,
        };
        of_one.max(1).saturating_mul(sets)
    })
}

fn text_size(value: &Value) -> u64 {
    let bytes = match value {
        Value::Number(text, _) => text.to_string().len(),
        other => other.clone().into_string().map_or(0, |text| text.len()),
    };
    (bytes / TEXT_BYTES) as u64
}

/// A name as the planner compares it.
fn exact(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}
