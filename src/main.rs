//! The `lienthong` program: parse, run, and turn the result into an exit code.

fn main() {}
