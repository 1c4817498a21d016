//! The `lienthong` program: parse, set logging up, run, and turn the result into an exit code.

use std::process::ExitCode;

use lienthong::cli::{Cli, logging};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let code = Cli::start().run();
    logging::flush();
    code
}
