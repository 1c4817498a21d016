//! The command line: one subcommand, one file. Data goes to stdout, everything else to stderr.
//!
//! `--help` teaches by examples, every flag has a `LIENTHONG_…` environment twin, and `--output json` gives machines
//! what text gives people. Exit codes: 0 for success, 1 for a failure that one line on stderr explains, 2 for a bad
//! flag (clap's), and the codes of `verify` for what it found.

mod anchor;
mod ca;
pub mod check;
pub mod clock;
pub mod completions;
mod environment;
pub mod fault;
mod format;
pub mod health;
pub mod import;
pub mod journal;
mod junit;
pub mod keys;
mod language;
pub mod ledger;
pub mod load;
pub mod logging;
mod message;
pub mod output;
pub mod person;
pub mod persona;
pub mod policy;
pub mod population;
pub mod registry;
pub mod replay;
pub mod rights;
pub mod scenario;
mod schema_args;
pub mod serve;
mod serving;
pub mod session;
mod server;
mod text;
pub mod store;
pub mod token;
pub mod verify;
pub mod wallet;
pub mod webhook;
pub mod witness;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use language::Lang;
pub use output::{Failure, OutputFormat};

const EXAMPLES: &str = "\
Examples:
  lienthong serve                                      a seeded province on 127.0.0.1:50051
  lienthong serve --data-dir ./province --seed 7       the same, kept on disk
  lienthong persona list                               citizens with a documented situation each
  lienthong person create --situation lapsed_card      a citizen of your own, in the province of a running server
  lienthong clock advance 180d                         half a year on, in the province of a running server
  lienthong session create                             a world of its own beside it, for one test suite
  lienthong journal follow                             what is called in it, as it is called
  lienthong import land parcels.xlsx                   an agency's own data into its registry
  lienthong verify answer.json --trust anchor.json     check records offline
  lienthong check client -- python3 my_client.py       bad answers for a program that should refuse them
  lienthong load --rate 500 --duration 10s             latency percentiles at a fixed rate

Every flag can also be set by the environment variable given with it; an empty variable counts as unset.";

/// A province's digital-identity and records exchange, on a laptop.
///
/// Links a citizen's ID with health insurance, driving licence and vehicle registration, connects nine registries, and
/// hands out records that anyone can verify offline. The citizens are synthetic; everything else is real.
#[derive(Debug, Parser)]
#[command(name = "lienthong", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// The format of stdout.
    #[arg(long, global = true, value_enum, default_value_t, env = "LIENTHONG_OUTPUT")]
    pub output: OutputFormat,
    /// The language of messages and text output: English or Vietnamese.
    #[arg(long, global = true, value_enum, default_value_t, env = "LIENTHONG_LANG")]
    pub lang: Lang,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway with everything embedded.
    Serve(Box<serve::Serve>),
    /// Check records offline against a trust anchor.
    Verify(verify::Verify),
    /// The personas: synthetic citizens with a documented situation each.
    #[command(subcommand)]
    Persona(persona::Persona),
    /// Citizens of a test's own: create one, open an account.
    #[command(subcommand)]
    Person(person::Person),
    /// The clock of a server's world: show it, move it forward, stop it.
    #[command(subcommand)]
    Clock(clock::Clock),
    /// Fault rules: errors, delays and damage in a server's world.
    #[command(subcommand)]
    Fault(fault::Fault),
    /// Stories of calls with expectations: run them against a server.
    #[command(subcommand)]
    Scenario(scenario::ScenarioCommand),
    /// Webhooks of a server: accepted changes, sent to an agency's endpoint.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Somebody else's program, put through named cases: a client, or a registry.
    #[command(subcommand)]
    Check(check::Check),
    /// Sessions of a server: worlds of their own, for test suites that run side by side.
    #[command(subcommand)]
    Session(session::Session),
    /// The calls in a server's world: list, follow and count them; record a session.
    #[command(subcommand)]
    Journal(journal::Journal),
    /// Make the calls of a recorded session again and report the differences, or answer them without a world.
    Replay(replay::Replay),
    /// The generated citizens.
    #[command(subcommand)]
    Population(population::Population),
    /// Import CSV and XLSX files into a registry.
    Import(Box<import::Import>),
    /// Audit logs from outside: tiles, entries, heads, and that they are append-only.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Check the store of a data folder, and rebuild its derived rows.
    #[command(subcommand)]
    Store(store::Store),
    /// Cosign the heads of append-only logs, as an independent witness.
    Witness(witness::Witness),
    /// Call a server at a fixed rate or at full speed, and report latency percentiles.
    Load(load::Load),
    /// Bearer tokens for systems and citizens.
    #[command(subcommand)]
    Token(token::Token),
    /// Agencies, rights and callers of methods: print the embedded file, and check your own.
    #[command(subcommand)]
    Rights(rights::Rights),
    /// Serve registries on a host of their own; or check, compare and export schema files.
    Registry(Box<registry::Registry>),
    /// Encrypted keys in a folder, and the versions of the trust anchor.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// The steps of a citizen's wallet: a key, its proof, presentations.
    #[command(subcommand)]
    Wallet(wallet::Wallet),
    /// Ask a server whether it is serving.
    Health(health::Health),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
    /// The bare peer that `load --compare-bare` measures against.
    #[command(hide = true)]
    BarePeer(load::peer::BarePeer),
}

impl Command {
    /// Whether it runs until it is ended, and logs what it does.
    fn is_server(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Witness(_) => true,
            Self::Registry(command) => command.is_host(),
            Self::Replay(command) => command.is_server(),
            _ => false,
        }
    }
}

impl Cli {
    /// Reads the process's arguments and environment, and starts logging; a bad flag ends the process.
    pub fn start() -> Self {
        let cli = Self::from_arg_matches(&environment::read(Self::command())).unwrap_or_else(|error| error.exit());
        language::choose(cli.lang.into());
        logging::start(cli.command.is_server(), cli.output);
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        environment::unknown(&Self::command(), names).iter().for_each(|what| tracing::warn!("{what}"));
        cli
    }

    /// Runs the subcommand; a failure becomes one line on stderr.
    pub fn run(self) -> ExitCode {
        let output = self.output;
        let ended = match self.command {
            Command::Serve(command) => command.run(output),
            Command::Verify(command) => command.run(output),
            Command::Persona(command) => command.run(output),
            Command::Person(command) => command.run(output),
            Command::Clock(command) => command.run(output),
            Command::Fault(command) => command.run(output),
            Command::Scenario(command) => command.run(output),
            Command::Webhook(command) => command.run(output),
            Command::Check(command) => command.run(output),
            Command::Session(command) => command.run(output),
            Command::Journal(command) => command.run(output),
            Command::Replay(command) => command.run(output),
            Command::Population(command) => command.run(output),
            Command::Import(command) => command.run(output),
            Command::Ledger(command) => command.run(output),
            Command::Store(command) => command.run(output),
            Command::Witness(command) => command.run(output),
            Command::Load(command) => command.run(output),
            Command::Token(command) => command.run(output),
            Command::Rights(command) => command.run(output),
            Command::Registry(command) => command.run(output),
            Command::Keys(command) => command.run(output),
            Command::Wallet(command) => command.run(output),
            Command::Health(command) => command.run(output),
            Command::Completions(command) => command.run(Self::command()),
            Command::BarePeer(command) => command.run(),
        };
        ended.unwrap_or_else(|failure| failure.report())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_that_serves_logs_as_a_server() {
        for (line, expected) in [
            ("serve", true),
            ("registry land vehicle", true),
            ("registry check education.yaml", false),
            ("witness --key w1.key --state w1", true),
            ("replay suite.jsonl --serve 127.0.0.1:0", true),
            ("replay suite.jsonl", false),
            ("population report", false),
        ] {
            let cli = Cli::try_parse_from(["lienthong"].into_iter().chain(line.split(' '))).expect(line);
            assert_eq!(cli.command.is_server(), expected, "{line}");
        }
    }

    /// Flags that several commands share: the page describes them once.
    const SECRETS: [&str; 4] = ["passphrase-file", "pkcs11-module", "pkcs11-token", "pkcs11-pin-file"];

    fn is_secret(argument: &clap::Arg) -> bool {
        argument.get_long().is_some_and(|long| SECRETS.contains(&long))
    }

    fn cell(text: Option<&clap::builder::StyledStr>) -> String {
        let text = text.map(ToString::to_string).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "\\<")
    }

    /// A flag's row; none for those that every command has.
    fn row(argument: &clap::Arg) -> String {
        let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
        let name = match argument.get_long() {
            Some("help" | "output" | "lang") => return String::new(),
            Some(long) if argument.get_action().takes_values() => format!("--{long} {value}"),
            Some(long) => format!("--{long}"),
            None => value,
        };
        let (help, defaults) = (cell(argument.get_help()), argument.get_default_values());
        let default = defaults.first().filter(|value| !value.is_empty());
        let default = default.map(|value| format!(" Default: `{}`.", value.display()));
        let default = default.filter(|_| argument.get_action().takes_values()).unwrap_or_default();
        format!("| `{}` | {help}.{default} |\n", name.replace('|', "\\|"))
    }

    /// The flags of a command and of those under it, as docs/cli.md lists them.
    fn reference(command: &clap::Command, path: &str, page: &mut String) {
        let path = format!("{path} {}", command.get_name());
        // A command may do something by itself and have subcommands besides: `registry land`, `registry check`.
        if !command.has_subcommands() || command.get_positionals().next().is_some() {
            let about = cell(command.get_about());
            page.push_str(&format!("\n### `{}`\n\n{about}.\n\n| | |\n|---|---|\n", path.trim()));
            let shown = || command.get_arguments().filter(|argument| !argument.is_hide_set());
            shown().filter(|argument| !is_secret(argument)).for_each(|argument| page.push_str(&row(argument)));
            if shown().any(is_secret) {
                page.push_str("\nAnd the [flags for secrets](#flags-for-secrets).\n");
            }
        }
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            reference(sub, &path, page);
        }
    }

    /// The flags that open keys, described once.
    fn secrets(command: &clap::Command) -> String {
        let serve = command.find_subcommand("serve").expect("a subcommand");
        let rows: String = serve.get_arguments().filter(|argument| is_secret(argument)).map(row).collect();
        format!("\n### Flags for secrets\n\n| | |\n|---|---|\n{rows}")
    }

    #[test]
    fn the_page_has_every_command_and_flag() {
        let mut expected = secrets(&Cli::command());
        reference(&Cli::command(), "", &mut expected);
        let page = include_str!("../../docs/cli.md");
        let (_, found) = page.split_once("## Every flag\n").expect("docs/cli.md has the reference at its end");
        let found = found.find("\n### ").map_or("", |at| &found[at..]);
        assert_eq!(found, expected, "docs/cli.md is behind; what it should end in:\n{expected}");
    }

    #[test]
    fn every_flag_has_its_environment_twin() {
        fn walk(command: &clap::Command, missing: &mut Vec<String>) {
            for argument in command.get_arguments() {
                let Some(long) = argument.get_long() else { continue };
                if !matches!(long, "help" | "version") && argument.get_env().is_none() {
                    missing.push(format!("{} --{long}", command.get_name()));
                }
            }
            command.get_subcommands().for_each(|sub| walk(sub, missing));
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }
}
