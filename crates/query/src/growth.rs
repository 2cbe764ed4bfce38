//! How long the texts are that a statement makes. The limits on memory count what operators keep, not what one expression
//! makes: texts doubled thirty times, or replaced letter by letter with longer ones, would take gigabytes before anything is
//! counted. So their length is estimated before anything runs, with a stored value as long as most are.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Operator};

/// Taken for every column of a table, in bytes.
const OF_COLUMN: u64 = 1024;
/// Longest text that a statement may make of such columns.
const TEXT_MAX: u64 = 64 * 1024;
/// Longest text that a statement may contain: it may be there once for each row.
const LITERAL_MAX: u64 = 16 * 1024;
/// Of numbers, times and truths.
const OF_NUMBER: u64 = 16;
/// What an aggregate gathers is counted while it does; of what it made, some may be made again.
const OF_GATHERED: u64 = TEXT_MAX / 4;
/// A letter of a format can become the name of a month.
const OF_FORMAT_LETTER: u64 = 16;

/// Refuses a statement whose texts grow too long.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    lengths(plan).map(drop)
}

/// The length of each column of what a plan answers, and of everything it works out on the way.
fn lengths(plan: &LogicalPlan) -> Result<Vec<u64>> {
    if let LogicalPlan::RecursiveQuery(query) = plan {
        let (start, round) = (lengths(&query.static_term)?, lengths(&query.recursive_term)?);
        // What one round adds, thousands may add.
        if round.iter().any(|length| *length > OF_COLUMN) {
            return plan_err!("`{}` makes longer texts of its own in each round; number them instead", query.name);
        }
        let longest = start.iter().max().copied().unwrap_or_default().max(OF_COLUMN);
        return Ok(of_fields(plan, vec![longest; start.len()]));
    }
    let inputs = plan.inputs().into_iter().map(lengths).collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = plan.inputs().iter().flat_map(|input| input.schema().field_names()).collect();
    let of_inputs: Vec<u64> = inputs.iter().flatten().copied().collect();
    let scope: Vec<(&str, u64)> = names.iter().map(String::as_str).zip(of_inputs.iter().copied()).collect();
    let mut of_expressions = Vec::new();
    plan.apply_expressions(|expression| {
        of_expressions.push(length(expression, &scope)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    let columns = plan.schema().fields().len();
    let longest = of_inputs.iter().chain(&of_expressions).max().copied().unwrap_or(OF_COLUMN);
    let answer = match plan {
        LogicalPlan::TableScan(_) | LogicalPlan::EmptyRelation(_) => vec![OF_COLUMN; columns],
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => of_expressions,
        LogicalPlan::Window(_) => [of_inputs, of_expressions].concat(),
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => of_inputs,
        _ => Vec::new(),
    };
    // Where columns are not those of inputs or expressions one by one, each may be the longest.
    let answer = if answer.len() == columns { answer } else { vec![longest; columns] };
    Ok(of_fields(plan, answer))
}

/// Numbers, times and truths are short, whatever they were made of.
fn of_fields(plan: &LogicalPlan, mut lengths: Vec<u64>) -> Vec<u64> {
    for (length, field) in lengths.iter_mut().zip(plan.schema().fields()) {
        if field.data_type().primitive_width().is_some() || matches!(field.data_type(), DataType::Boolean) {
            *length = OF_NUMBER;
        }
    }
    lengths
}

/// The length of what an expression makes of columns with these names and lengths.
fn length(expression: &Expr, scope: &[(&str, u64)]) -> Result<u64> {
    let mut lengths = Lengths { scope, done: Vec::new() };
    expression.visit(&mut lengths)?;
    Ok(lengths.done.pop().unwrap_or(OF_NUMBER))
}

/// Works out lengths from the leaves up.
struct Lengths<'a> {
    scope: &'a [(&'a str, u64)],
    done: Vec<u64>,
}

impl<'n> TreeNodeVisitor<'n> for Lengths<'_> {
    type Node = Expr;

    fn f_up(&mut self, expression: &'n Expr) -> Result<TreeNodeRecursion> {
        let mut children = 0;
        expression.apply_children(|_| {
            children += 1;
            Ok(TreeNodeRecursion::Continue)
        })?;
        let of_children = self.done.split_off(self.done.len().saturating_sub(children));
        let length = self.of(expression, &of_children)?;
        if length > TEXT_MAX {
            return plan_err!(
                "the statement makes texts of more than {} KiB; make shorter ones of what it reads",
                TEXT_MAX / 1024
            );
        }
        self.done.push(length);
        Ok(TreeNodeRecursion::Continue)
    }
}

impl Lengths<'_> {
    fn of(&self, expression: &Expr, children: &[u64]) -> Result<u64> {
        let sum = || children.iter().fold(0u64, |sum, length| sum.saturating_add(*length)).max(OF_NUMBER);
        Ok(match expression {
            Expr::Column(column) => {
                let name = column.flat_name();
                let named = |(known, _): &&(&str, u64)| *known == name || *known == column.name;
                self.scope.iter().find(named).map_or(OF_COLUMN, |(_, length)| *length)
            }
            Expr::LambdaVariable(_) | Expr::Placeholder(_) => OF_COLUMN,
            // Of a query around this one: as long as it may be.
            Expr::OuterReferenceColumn(..) => TEXT_MAX,
            Expr::Literal(value, _) => of_literal(value)?,
            Expr::BinaryExpr(binary) if binary.op == Operator::StringConcat => sum(),
            Expr::BinaryExpr(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::Not(_)
            | Expr::IsNotNull(_)
            | Expr::IsNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Negative(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Exists(_) => OF_NUMBER,
            Expr::ScalarSubquery(query) => lengths(&query.subquery)?.into_iter().max().unwrap_or(OF_COLUMN),
            Expr::InSubquery(query) => {
                lengths(&query.subquery.subquery)?;
                OF_NUMBER
            }
            Expr::ScalarFunction(function) => of_function(function.name(), children).max(OF_NUMBER),
            Expr::AggregateFunction(function) => of_aggregate(function.func.name(), sum()),
            Expr::WindowFunction(function) => of_aggregate(function.fun.name(), sum()),
            _ => sum(),
        })
    }
}

fn of_literal(value: &ScalarValue) -> Result<u64> {
    let length = match value {
        ScalarValue::Utf8(text) | ScalarValue::LargeUtf8(text) | ScalarValue::Utf8View(text) => {
            text.as_ref().map_or(0, String::len)
        }
        other if other.data_type().primitive_width().is_some() => return Ok(OF_NUMBER),
        other => other.size(),
    } as u64;
    if length > LITERAL_MAX {
        return plan_err!("the statement has a text of more than {} KiB", LITERAL_MAX / 1024);
    }
    Ok(length)
}

fn of_function(name: &str, arguments: &[u64]) -> u64 {
    let at = |place: usize| arguments.get(place).copied().unwrap_or(1);
    let sum = arguments.iter().fold(0u64, |sum, length| sum.saturating_add(*length));
    match name {
        // Every letter may become the whole of what it is replaced with.
        "replace" | "regexp_replace" => at(0).saturating_add(at(0).saturating_mul(at(2))),
        // A list keeps where each of its texts begins, in four bytes.
        "array_to_string" => at(0).saturating_add((at(0) / 4).saturating_mul(at(1))),
        "concat_ws" => sum.saturating_add(at(0).saturating_mul(arguments.len() as u64)),
        "to_char" => at(1).saturating_mul(OF_FORMAT_LETTER),
        "encode" => sum.saturating_mul(2),
        "length" | "character_length" | "octet_length" | "bit_length" | "ascii" | "strpos" | "date_trunc"
        | "date_part" | "regexp_like" | "regexp_count" | "starts_with" | "ends_with" | "contains" | "md5" | "uuid" => {
            64
        }
        _ => sum,
    }
}

fn of_aggregate(name: &str, arguments: u64) -> u64 {
    match name {
        "array_agg" | "string_agg" => OF_GATHERED.max(arguments),
        _ => arguments,
    }
}
