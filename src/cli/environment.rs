//! The command line and its environment twins, read leniently where the intent is plain and strictly where it is not.
//!
//! An empty variable is an unset one (compose files and CI pass `NAME=` for "nothing"), a switch takes the usual spellings of yes and no, a
//! negative number reaches the flag that refuses it instead of passing for an unknown flag, and a variable that nothing reads is named in a
//! warning, for it is most often a misspelt one.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::language;
use crate::base::Language;
use crate::base::name::with_nearest;

const PREFIX: &str = "LIENTHONG_";
/// Variables without a flag: the log's filter.
const WITHOUT_FLAG: [&str; 2] = ["LIENTHONG_LOG", "LIENTHONG_PASSPHRASE"];
/// Variables of the test suites and the gate, which share the prefix.
const OF_OTHERS: [&str; 2] = ["LIENTHONG_TEST_", "LIENTHONG_CI_"];

/// Reads the process's arguments and environment, or ends the process as clap does.
pub(super) fn read(command: Command) -> ArgMatches {
    let mut command = adapt(command, &|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
    match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => {
            let shown = visible(&command, error);
            refuse(&explain(&mut command, shown))
        }
    }
}

/// Ends the process as clap does; the refusal of a command line in the language that it asks for.
fn refuse(error: &clap::Error) -> ! {
    let asked = language::asked(std::env::args_os(), std::env::var_os("LIENTHONG_LANG"));
    if asked == Language::English || !error.use_stderr() {
        error.exit()
    }
    super::logging::say(asked.say(error.render().to_string().trim_end()).as_ref());
    super::logging::flush();
    std::process::exit(error.exit_code())
}

/// Names that begin like ours and that nothing reads, each with the one that was meant.
pub(super) fn unknown(command: &Command, given: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::from(WITHOUT_FLAG.map(str::to_owned));
    collect(command, &mut known);
    let is_unknown = |name: &String| {
        name.starts_with(PREFIX) && !known.contains(name) && !OF_OTHERS.iter().any(|other| name.starts_with(other))
    };
    let describe = |name: String| {
        let known = known.iter().map(String::as_str);
        with_nearest(format!("{name} is not a setting: --help lists them"), &name, known)
    };
    given.into_iter().filter(is_unknown).map(describe).collect()
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(Arg::get_env).map(|name| name.to_string_lossy().into_owned()));
    command.get_subcommands().for_each(|sub| collect(sub, known));
}

fn adapt(command: Command, is_empty: &dyn Fn(&OsStr) -> bool) -> Command {
    let argument = |argument: Arg| {
        let argument = match argument.get_env().map(is_empty) {
            Some(true) => argument.env(None::<&str>),
            _ => argument,
        };
        match argument.get_action() {
            ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
            ArgAction::Set | ArgAction::Append if argument.get_long().is_some() => {
                argument.allow_negative_numbers(true)
            }
            _ => argument,
        }
    };
    command.mut_args(argument).mut_subcommands(|sub| adapt(sub, is_empty))
}

/// Takes the subcommands that `--help` hides out of a refusal that lists them: clap lists all.
fn visible(command: &Command, mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::Strings(listed)) = error.get(ContextKind::ValidSubcommand) else { return error };
    let is_hidden = |name: &String| command.find_subcommand(name).is_some_and(Command::is_hide_set);
    let shown = listed.iter().filter(|name| !is_hidden(name)).cloned().collect();
    error.insert(ContextKind::ValidSubcommand, ContextValue::Strings(shown));
    error
}

/// Explains the error of a negative number: clap would name only a digit.
fn explain(command: &mut Command, error: clap::Error) -> clap::Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (value, argument) = (text(ContextKind::InvalidValue), text(ContextKind::InvalidArg));
    let is_negative = |value: &String| value.strip_prefix('-').is_some_and(|rest| rest.parse::<u128>().is_ok());
    match (error.kind(), value.filter(is_negative), argument) {
        (ErrorKind::ValueValidation, Some(value), Some(argument)) => {
            let message = format!("invalid value '{value}' for '{argument}': the number must be 0 or more");
            command.error(ErrorKind::ValueValidation, message)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn an_unknown_variable_is_named_with_the_one_that_was_meant() {
        let given = [
            "PATH",
            "LIENTHONG_LOG",
            "LIENTHONG_LISTEN",
            "LIENTHONG_TEST_ENDPOINT",
            "LIENTHONG_LISTN",
            "LIENTHONG_XYZZY",
        ];
        let said = unknown(&Cli::command(), given.map(str::to_owned));
        let expected = [
            "LIENTHONG_LISTN is not a setting: --help lists them; nearest: LIENTHONG_LISTEN",
            "LIENTHONG_XYZZY is not a setting: --help lists them",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_missing_command_is_asked_for_without_the_hidden_ones() {
        let mut command = adapt(Cli::command(), &|_| false);
        let refused = command.try_get_matches_from_mut(["lienthong", "--output", "json"]).expect_err("no command");
        let said = visible(&command, refused).to_string();
        assert!(said.contains("serve, verify") && !said.contains("bare-peer"), "{said}");
    }

    #[test]
    fn an_empty_variable_is_unset() {
        let command = adapt(Cli::command(), &|name| name == "LIENTHONG_LISTEN");
        let serve = command.find_subcommand("serve").expect("a subcommand");
        let twin = |id: &str| serve.get_arguments().find(|argument| argument.get_id() == id).and_then(Arg::get_env);
        assert_eq!((twin("listen"), twin("console")), (None, Some(OsStr::new("LIENTHONG_CONSOLE"))));
    }

    #[test]
    fn a_negative_number_is_refused_as_one() {
        for flag in ["--seed", "--population", "--rate-limit"] {
            let mut command = adapt(Cli::command(), &|_| false);
            let refused = command.try_get_matches_from_mut(["lienthong", "serve", flag, "-5"]).expect_err(flag);
            let said = explain(&mut command, refused).to_string();
            assert!(said.contains("'-5'") && said.contains("0 or more"), "{flag}: {said}");
        }
    }
}
