//! The `lienthong` program: parse, set logging up, run, and turn the result into an exit code.

use std::process::ExitCode;

use clap::Parser as _;

use lienthong::cli::{Cli, logging};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli);
    let code = cli.run();
    logging::flush();
    code
}
