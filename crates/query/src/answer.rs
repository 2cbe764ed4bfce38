//! Arrow to JSON.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use mizzen_model::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnswerColumn {
    pub name: String,
    /// `text`, `integer`, `double`, `boolean`, `timestamp`, `list`, `object`, or the engine's name.
    #[serde(rename = "type")]
    pub kind: String,
}

pub(crate) fn columns(schema: &Schema) -> Vec<AnswerColumn> {
    let column = |field: &datafusion::arrow::datatypes::FieldRef| AnswerColumn {
        name: field.name().clone(),
        kind: kind(field.data_type()).into_owned(),
    };
    schema.fields().iter().map(column).collect()
}

fn kind(data_type: &DataType) -> std::borrow::Cow<'static, str> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        other if other.is_integer() => "integer".into(),
        other if other.is_floating() => "double".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => "list".into(),
        DataType::Struct(_) => "object".into(),
        DataType::Dictionary(_, values) => kind(values),
        other => other.to_string().to_lowercase().into(),
    }
}

/// The rows of a batch, one JSON value per column.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>, ArrowError> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        for (row, value) in rows.iter_mut().zip(values(column)?) {
            row.push(value);
        }
    }
    Ok(rows)
}

fn values(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let as_type = |data_type: &DataType| cast(array, data_type);
    Ok(match array.data_type() {
        DataType::Null => vec![Value::Null; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map_or(Value::Null, Value::Bool)).collect(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().map(Value::from).collect(),
        kind if kind.is_integer() => {
            as_type(&DataType::Int64)?.as_primitive::<Int64Type>().iter().map(Value::from).collect()
        }
        kind if kind.is_floating() => {
            let doubles = as_type(&DataType::Float64)?;
            doubles.as_primitive::<Float64Type>().iter().map(|value| value.map_or(Value::Null, double)).collect()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            as_type(&DataType::Utf8View)?.as_string_view().iter().map(Value::from).collect()
        }
        DataType::Timestamp(_, zone) => {
            let nanos = as_type(&DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))?;
            let instants = nanos.as_primitive::<TimestampNanosecondType>();
            instants.iter().map(|nanos| nanos.map_or(Value::Null, instant)).collect()
        }
        DataType::Dictionary(_, inner) => values(&as_type(inner)?)?,
        DataType::List(_) => {
            let lists = array.as_list::<i32>().iter();
            lists
                .map(|list| list.map_or(Ok(Value::Null), |list| values(&list).map(Value::Array)))
                .collect::<Result<_, _>>()?
        }
        DataType::Struct(_) => objects(array)?,
        _ => texts(array)?,
    })
}

fn double(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn instant(nanos: i64) -> Value {
    Value::String(Timestamp::from_unix_nanos(nanos).to_string())
}

fn objects(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let object = array.as_struct();
    let mut objects = vec![Map::new(); array.len()];
    for (name, column) in object.column_names().into_iter().zip(object.columns()) {
        for (object, value) in objects.iter_mut().zip(values(column)?) {
            object.insert(name.to_owned(), value);
        }
    }
    let shown = objects.into_iter().enumerate();
    Ok(shown.map(|(row, object)| if array.is_null(row) { Value::Null } else { Value::Object(object) }).collect())
}

/// What has no JSON shape of its own (dates, intervals, decimals, bytes), as the engine writes it.
fn texts(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    let text = |row| if array.is_null(row) { Value::Null } else { Value::String(formatter.value(row).to_string()) };
    Ok((0..array.len()).map(text).collect())
}

/// About how many bytes a row takes in an answer.
pub(crate) fn row_bytes(row: &[Value]) -> usize {
    row.iter().map(|value| 1 + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| 1 + value_bytes(item)).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + 4 + value_bytes(value)).sum(),
        _ => 8,
    }
}

#[cfg(test)]
mod tests;
