//! A nullable `DOUBLE PRECISION`.

use sqlx::any::AnyTypeInfo;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Any, Database, Encode, Type};

/// Bind this instead of an `Option<f64>`.
///
/// sqlx 0.9 announces an absent `f64` to PostgreSQL as four bytes wide and an absent `f32` as eight, and keeps
/// that with the prepared statement: the next call of the same statement with a number is then refused. The test
/// of the portable subset fails when a later sqlx has put this right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NullableDouble(pub Option<f64>);

impl Type<Any> for NullableDouble {
    fn type_info() -> AnyTypeInfo {
        <f64 as Type<Any>>::type_info()
    }
}

impl Encode<'_, Any> for NullableDouble {
    fn encode_by_ref(&self, buffer: &mut <Any as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self.0 {
            Some(number) => Encode::<Any>::encode_by_ref(&number, buffer),
            None => Encode::<Any>::encode_by_ref(&None::<f32>, buffer),
        }
    }
}
