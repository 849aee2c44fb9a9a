//! The `lic` binary from outside: what it writes, what it says, and how it ends.

#![allow(unreachable_pub, reason = "nothing is public in a test program")]

mod alpha;
mod bd_rate;
mod bench;
mod contact_sheet;
mod datasets;
mod depth;
mod encode;
mod errors;
mod fixture;
mod info;
mod manual;
mod metadata;
mod overwrite;
mod packaging;
mod streams;
mod training;
mod view;
