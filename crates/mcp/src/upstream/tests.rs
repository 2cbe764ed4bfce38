//! Against real child processes and HTTP servers that behave and misbehave.
