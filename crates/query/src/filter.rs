//! What is asked of the shown columns, as questions about the stored ones that segments can be pruned by.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::columns::{Form, Shown};

/// `expr` over stored columns. A comparison of an id with text becomes one with the bytes, so that bloom
/// filters and statistics apply.
pub(crate) fn to_stored(expr: Expr, columns: &[Shown], stored: &Schema) -> Result<Expr, DataFusionError> {
    let replaced = expr.transform_down(|expr| {
        let bytes = Ids { columns, stored };
        let replacement = match &expr {
            Expr::BinaryExpr(comparison) => bytes.comparison(comparison),
            Expr::InList(list) => bytes.list(list),
            Expr::Column(column) => columns.iter().find(|shown| shown.name == column.name).map(Shown::expression),
            _ => None,
        };
        Ok(match replacement {
            Some(replacement) => Transformed::new(replacement, true, TreeNodeRecursion::Jump),
            None => Transformed::no(expr),
        })
    })?;
    Ok(replaced.data)
}

struct Ids<'a> {
    columns: &'a [Shown],
    stored: &'a Schema,
}

impl Ids<'_> {
    fn comparison(&self, comparison: &BinaryExpr) -> Option<Expr> {
        if !matches!(comparison.op, Operator::Eq | Operator::NotEq) {
            return None;
        }
        let (id, text) = match (comparison.left.as_ref(), comparison.right.as_ref()) {
            (Expr::Column(id), text) | (text, Expr::Column(id)) => (id, text),
            _ => return None,
        };
        let (column, length) = self.id(id)?;
        let (left, right) = (Box::new(column), Box::new(bytes(text, length)?));
        Some(Expr::BinaryExpr(BinaryExpr { left, op: comparison.op, right }))
    }

    fn list(&self, list: &InList) -> Option<Expr> {
        let Expr::Column(id) = list.expr.as_ref() else { return None };
        let (column, length) = self.id(id)?;
        let values = list.list.iter().map(|text| bytes(text, length)).collect::<Option<Vec<_>>>()?;
        Some(Expr::InList(InList { expr: Box::new(column), list: values, negated: list.negated }))
    }

    /// The stored column behind an id that is shown as text, and the id's length in bytes.
    fn id(&self, column: &Column) -> Option<(Expr, i32)> {
        let shown = self.columns.iter().find(|shown| shown.name == column.name && shown.form == Form::Hex)?;
        match self.stored.field_with_name(&shown.stored).ok()?.data_type() {
            DataType::FixedSizeBinary(length) => Some((Expr::Column(Column::new_unqualified(&shown.stored)), *length)),
            _ => None,
        }
    }
}

/// The id that `text` is; `None` when it is none, or not written as ids are shown: it equals no id then, which
/// comparing texts finds out.
fn bytes(text: &Expr, length: i32) -> Option<Expr> {
    let Expr::Literal(value, _) = text else { return None };
    let text = value.try_as_str()??;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let is_whole = usize::try_from(length).is_ok_and(|length| text.len() == 2 * length);
    let bytes = text.as_bytes().chunks_exact(2).map(pair).collect::<Option<Vec<u8>>>().filter(|_| is_whole)?;
    Some(Expr::Literal(ScalarValue::FixedSizeBinary(length, Some(bytes)), None))
}
