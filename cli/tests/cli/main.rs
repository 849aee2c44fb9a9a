//! The `lic` binary from outside: what it writes, what it says, and how it ends.

mod bd_rate;
mod encode;
mod errors;
mod fixture;
mod info;
mod streams;
