//! Has the linker pack the binary's relative relocations (DT_RELR) where the C library knows them. There are some four
//! hundred thousand; as ordinary ones they are ten megabytes that each start reads, which is most of what a short command
//! costs. A release is stripped here too: Cargo leaves that out for packages that have a profile of their own, as this has.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "this is how Cargo and a build script speak")]

use std::env;
use std::process::Command;

/// The first glibc that applies packed relocations.
const GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let is_linux = is("CARGO_CFG_TARGET_OS", "linux");
    if is_linux && is("PROFILE", "release") && is("DEBUG", "false") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    if is_linux && is("CARGO_CFG_TARGET_ENV", "gnu") && is_native && glibc() >= Some(GLIBC) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc, as `getconf` tells it: `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
