//! The built program as a child process.

#![allow(clippy::disallowed_methods, reason = "processes are waited for by the machine's time")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::until::until_blocking;

/// The program with a clean environment: settings of the tests' caller must not leak in.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIENTHONG_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The program under a limit of the shell's (`ulimit`): one cannot be lowered for a child alone.
pub fn limited(limit: &str) -> Command {
    let program = program();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\"")).arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.stdin(Stdio::null());
    shell
}

/// Runs the program to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    program().current_dir(folder).args(arguments).output().expect("the program runs")
}

/// A serving child; killed when dropped.
pub struct Serving {
    /// The process.
    pub child: Child,
    /// The address of gRPC.
    pub grpc: String,
    /// The address of the console.
    pub console: Option<String>,
}

impl Serving {
    /// Starts `serve` on free ports in `folder` with further arguments, and waits until it is ready.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_as(program(), folder, arguments)
    }

    /// The same with a command of the caller's that runs the program.
    pub fn start_as(mut program: Command, folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(folder, arguments, program.stderr(Stdio::null()))
    }

    /// The same, with logs of this filter going to a pipe: `child.stderr`.
    pub fn start_logging(folder: &Path, arguments: &[&str], filter: &str) -> Self {
        Self::spawn(folder, arguments, program().stderr(Stdio::piped()).env("LIENTHONG_LOG", filter))
    }

    /// The same with a registry's host: `registry NAME…`.
    pub fn start_host(mut program: Command, folder: &Path, names: &[&str], arguments: &[&str]) -> Self {
        let command = [&["registry"], names, &["--http", "127.0.0.1:0"]].concat();
        Self::spawn_as(&command, folder, arguments, &mut program)
    }

    fn spawn(folder: &Path, arguments: &[&str], program: &mut Command) -> Self {
        Self::spawn_as(&["serve", "--console", "127.0.0.1:0"], folder, arguments, program)
    }

    fn spawn_as(command: &[&str], folder: &Path, arguments: &[&str], program: &mut Command) -> Self {
        let ready = folder.join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let mut child = program
            .current_dir(folder)
            .args(command)
            .args(["--listen", "127.0.0.1:0", "--ready-file", "ready.json"])
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let text = until_blocking("serve is ready", || {
            let ended = child.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "serve ended before it was ready: {ended:?}");
            std::fs::read_to_string(&ready).ok()
        });
        let json: serde_json::Value = serde_json::from_str(&text).expect("the ready-file is whole");
        let grpc = json["grpc"].as_str().expect("an address").to_owned();
        let console = json["console"].as_str().map(str::to_owned);
        Self { child, grpc, console }
    }

    /// Sends a signal by its name: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end; gives the exit code and how long it took.
    pub fn wait(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let status = self.child.wait().expect("the child can be waited for");
        (status.code(), begun.elapsed())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A witness as a child process; killed when dropped.
pub struct Witness {
    child: Child,
    said: serde_json::Value,
}

impl Witness {
    /// Starts `witness` in `folder` with further arguments, and waits until it prints its address.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = program()
            .current_dir(folder)
            .args(["witness", "--output", "json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        Self { child, said: serde_json::from_str(&line).expect("JSON") }
    }

    /// Its verifier key.
    pub fn key(&self) -> &str {
        self.said["verifier_key"].as_str().expect("text")
    }

    /// Its address: `http://127.0.0.1:…`.
    pub fn url(&self) -> &str {
        self.said["url"].as_str().expect("text")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file that only its owner can read.
#[cfg(unix)]
pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("set");
}
