//! A report as curves and as a web page: what is in it, what it looks like to a browser, and the pictures it shows.
//!
//! Needs Chromium (on Debian the package `chromium`, which `.ci/run` installs).

#![allow(unreachable_pub, reason = "nothing is public in a test program")]

mod browser;
mod crops;
mod example;
mod html;
mod plot;
