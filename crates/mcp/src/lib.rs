//! The tool gateway.
