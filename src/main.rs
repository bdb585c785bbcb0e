//! The doorbell: parse, run, exit.

fn main() {}
