//! Black-box tests of the built binary: what a person types and what a machine does to it.

mod agents;
mod audit;
mod bad_days;
mod catalog;
mod commands;
mod discovery;
mod documentation;
mod durability;
mod eval;
mod evaluation;
mod first_time;
mod full_disk;
mod long_run;
mod policies;
mod services;
mod templates;
mod the_loop;
