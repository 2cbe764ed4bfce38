//! The portal from outside: requests in, responses out, and what they left behind.

mod access;
mod backup;
mod pages;
mod sign_in;
mod site;
mod support;
