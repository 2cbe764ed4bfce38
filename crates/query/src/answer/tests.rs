use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Float64Array, Int64Array, RecordBatch, StructArray,
    TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type};
use serde_json::json;

use super::{columns, row_bytes, rows};

#[test]
fn every_kind_of_column_has_its_json() {
    let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let object = StructArray::from(vec![(Arc::new(Field::new("a", DataType::Int64, true)), number.clone())]);
    let batch = RecordBatch::try_from_iter([
        ("n", number),
        ("d", Arc::new(Float64Array::from(vec![0.5, f64::NAN])) as ArrayRef),
        ("t", Arc::new(TimestampMillisecondArray::from(vec![1_500, 0])) as ArrayRef),
        ("s", Arc::new(["x", "y"].into_iter().collect::<DictionaryArray<Int32Type>>()) as ArrayRef),
        ("o", Arc::new(object) as ArrayRef),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None])) as ArrayRef),
    ]);
    let batch = batch.unwrap();
    let expected = [
        vec![
            json!(1),
            json!(0.5),
            json!("1970-01-01T00:00:01.500000000Z"),
            json!("x"),
            json!({"a": 1}),
            json!("1970-01-02"),
        ],
        vec![
            json!(null),
            json!(null),
            json!("1970-01-01T00:00:00.000000000Z"),
            json!("y"),
            json!({"a": null}),
            json!(null),
        ],
    ];
    assert_eq!(rows(&batch).unwrap(), expected);
    let kinds: Vec<String> = columns(&batch.schema()).into_iter().map(|column| column.kind).collect();
    assert_eq!(kinds, ["integer", "double", "timestamp", "text", "object", "date32"]);
    assert!(row_bytes(&expected[0]) > 40);
}
