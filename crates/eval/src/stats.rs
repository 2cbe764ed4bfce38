//! Statistics: pure functions over numbers, each documented with its primary source.
