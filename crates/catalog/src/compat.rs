//! Formats of others, read into entities and written out of them: each a pair of pure functions, without loss.
