//! SQL functions: attributes out of JSON text, ids as text.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Builder, StringBuilder, StringViewArray,
    StringViewBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::segments::{Key, key};

mod json;

/// The functions that people may call beside the engine's own.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let function = |kind| AttributeFunction { kind, signature: Signature::string(2, Volatility::Immutable) };
    [Attribute::Text, Attribute::Number, Attribute::Pointer].map(|kind| Arc::new(function(kind).into())).into()
}

/// `expr`, bytes, as lower-case hexadecimal text.
pub(crate) fn hex(expr: Expr) -> Expr {
    static HEX: LazyLock<ScalarUDF> =
        LazyLock::new(|| ScalarUDF::from(Hex { signature: Signature::any(1, Volatility::Immutable) }));
    HEX.call(vec![expr])
}

/// Whether the ids `trace_id` and `span_id` are in `keys`.
pub(crate) fn is_among(keys: Arc<HashSet<Key>>, trace_id: Expr, span_id: Expr) -> Expr {
    let function = IsAmong { keys, signature: Signature::any(2, Volatility::Immutable) };
    ScalarUDF::from(function).call(vec![trace_id, span_id])
}

#[derive(Debug)]
struct IsAmong {
    keys: Arc<HashSet<Key>>,
    signature: Signature,
}

impl PartialEq for IsAmong {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Eq for IsAmong {}

impl Hash for IsAmong {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.keys).hash(state);
    }
}

impl ScalarUDFImpl for IsAmong {
    fn name(&self) -> &str {
        "is_among"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let ids = |at: usize| arrays.get(at).and_then(|array| array.as_fixed_size_binary_opt());
        let (Some(traces), Some(spans)) = (ids(0), ids(1)) else { return exec_err!("ids must be bytes") };
        let is_among = |(trace, span): (Option<&[u8]>, Option<&[u8]>)| {
            trace.zip(span).is_some_and(|(trace, span)| self.keys.contains(&key(trace, span)))
        };
        let found: BooleanArray = traces.iter().zip(spans.iter()).map(|ids| Some(is_among(ids))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Hex {
    signature: Signature,
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &str {
        "id_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let ids = arrays.first().and_then(|array| array.as_any().downcast_ref::<FixedSizeBinaryArray>());
        let Some(ids) = ids else { return exec_err!("ids must be bytes of one length") };
        let mut digits = Vec::new();
        let mut text =
            StringBuilder::with_capacity(ids.len(), ids.len() * 2 * ids.value_length().unsigned_abs() as usize);
        for id in ids {
            text.append_option(id.map(|id| hex_text(id, &mut digits)));
        }
        Ok(ColumnarValue::Array(Arc::new(text.finish())))
    }
}

fn hex_text<'a>(bytes: &[u8], digits: &'a mut Vec<u8>) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    digits.clear();
    digits.extend(bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]));
    std::str::from_utf8(digits).unwrap_or_default()
}

/// What an attribute function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Attribute {
    /// `attr(attributes, 'gen_ai.request.model')`: the value under one key; text as it is, all else as JSON.
    Text,
    /// `attr_number(attributes, 'gen_ai.request.temperature')`: the value under one key, when it is a number.
    Number,
    /// `json_at(events, '/0/attributes/message')`: what an RFC 6901 pointer finds in any JSON text.
    Pointer,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AttributeFunction {
    kind: Attribute,
    signature: Signature,
}

impl ScalarUDFImpl for AttributeFunction {
    fn name(&self) -> &str {
        match self.kind {
            Attribute::Text => "attr",
            Attribute::Number => "attr_number",
            Attribute::Pointer => "json_at",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Attribute::Number => DataType::Float64,
            Attribute::Text | Attribute::Pointer => DataType::Utf8View,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = arrays.iter().map(view).collect::<Result<Vec<_>>>()?;
        let [documents, keys] = texts.as_slice() else { return exec_err!("`{}` takes two arguments", self.name()) };
        let pairs = documents.iter().zip(keys.iter()).map(|(json, key)| json.zip(key));
        let array: ArrayRef = match self.kind {
            Attribute::Number => {
                let mut numbers = Float64Builder::with_capacity(documents.len());
                pairs.for_each(|pair| numbers.append_option(pair.and_then(|(json, key)| json::number(json, key))));
                Arc::new(numbers.finish())
            }
            kind => {
                let find = if kind == Attribute::Text { json::text } else { json::at };
                let mut found = StringViewBuilder::with_capacity(documents.len());
                pairs.for_each(|pair| found.append_option(pair.and_then(|(json, key)| find(json, key))));
                Arc::new(found.finish())
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

fn view(array: &ArrayRef) -> Result<StringViewArray> {
    let array = cast(array, &DataType::Utf8View).map_err(DataFusionError::from)?;
    Ok(array.as_string_view().clone())
}
