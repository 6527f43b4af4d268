//! The `mainguard` command: parse, run, turn the outcome into an exit code. The only place where an error becomes text.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

mod args;
mod commands;
mod console;
mod dependencies;
mod environment;
mod gather;
mod observe;
mod progress;
mod publish;
mod telemetry;

use args::{Cli, Command};
use console::Console;
use environment::Environment;

/// A usage, configuration or I/O error: the change was not judged.
const EXIT_BROKEN: u8 = 2;

fn main() -> ExitCode {
    let environment = Environment::read();
    let command = without_blank_variables(Cli::command());
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers and go to stdout; clap knows which is which. A closed pipe is the reader's.
            let _ = error.print();
            let broken = || commands::secrets::exit_of_usage(&error, std::env::args().skip(1)).unwrap_or(EXIT_BROKEN);
            return ExitCode::from(if error.use_stderr() { broken() } else { 0 });
        }
    };
    let color = environment.color_stderr(cli.global.color);
    let mut console = Console::new(&environment, &cli.global);
    // gitleaks' own, for those who put our name in its place.
    let broken = if matches!(cli.command, Command::Secrets(_)) { commands::secrets::EXIT_BROKEN } else { EXIT_BROKEN };
    match run(cli, &environment, &mut console) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::stderr().write_all(render(&error, color).as_bytes());
            ExitCode::from(broken)
        }
    }
}

fn run(cli: Cli, environment: &Environment, console: &mut Console) -> anyhow::Result<u8> {
    let repo = cli.global.repo.as_path();
    match cli.command {
        Command::Check(args) => commands::check::run(&args, repo, environment, console),
        Command::Size(args) => commands::check::only(mainguard::guards::Guard::Size, args, repo, environment, console),
        Command::Critic(args) => commands::critic::run(args, repo, environment, console),
        Command::Contracts(command) => commands::contracts::run(*command, repo, environment, console),
        Command::Secrets(args) => commands::secrets::run(*args, repo, environment, console),
        Command::Sast(args) => commands::sast::run(&args, repo, console),
        Command::Rules(command) => commands::rules::run(command, console),
        Command::Deps(args) => commands::deps::run(*args, repo, environment, console),
        Command::PrePush(args) => commands::pre_push::run(&args, repo, environment, console),
        Command::Preview(args) => commands::preview::run(&args, repo, environment, console),
        Command::Report(args) => commands::report::run(&args, repo, environment, console),
        Command::Queue(args) => commands::queue::run(&args, repo, environment, console),
        Command::Record(args) => Ok(commands::record::run(&args, repo, environment, console)),
        Command::Db(args) => commands::db::run(&args, environment, console),
        Command::Hook(command) => commands::hook::run(command, repo, console),
        Command::Init(args) => commands::init::run(args, repo, console),
        Command::Doctor(args) => commands::doctor::run(args, repo, environment, console),
        Command::Explain(args) => commands::explain::run(&args, console),
        Command::Config(command) => commands::config::run(command, repo, console),
        Command::Change(args) => commands::change::run(&args, repo, console),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mainguard", &mut script);
            console.answer_bytes(&script)?;
            Ok(0)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            console.answer_bytes(&page)?;
            Ok(0)
        }
    }
}

/// A variable that is set to nothing counts as not set: that is how an action's empty input arrives.
fn without_blank_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_env().is_some_and(environment::is_blank) {
        true => arg.env(clap::builder::Resettable::Reset),
        false => arg.hide_env_values(true),
    });
    command.mut_subcommands(without_blank_variables)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    kinds.into_iter().any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// What happened, why, and what to do: `error: …`, one line per cause, `hint: …`.
fn render(error: &anyhow::Error, color: bool) -> String {
    let (red, cyan, bold, reset) =
        if color { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[1m", "\x1b[0m") } else { Default::default() };
    let mut text = String::new();
    let configs = error.chain().find_map(|cause| {
        use mainguard::policy::PolicyError;
        let direct = cause.downcast_ref::<mainguard::config::ConfigErrors>();
        direct.or_else(|| match cause.downcast_ref::<PolicyError>() {
            Some(PolicyError::Config(errors)) => Some(errors),
            _ => None,
        })
    });
    if let Some(errors) = configs {
        return errors.render(color);
    }
    let mut said = console::safe_lines(&error.to_string());
    let _ = writeln!(text, "{red}error{reset}{bold}: {said}{reset}");
    for cause in error.chain().skip(1) {
        let cause = console::safe_lines(&cause.to_string());
        // Libraries often repeat their cause in their own message; once is enough.
        if !said.contains(&cause) {
            let _ = writeln!(text, "  because: {cause}");
            said.push_str(&cause);
        }
    }
    if let Some(hint) = hint(error) {
        let _ = writeln!(text, "{cyan}hint{reset}: {hint}");
    }
    text
}

/// The advice that travels with an error.
fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(hinted) = cause.downcast_ref::<console::Hinted>() {
            Some(hinted.hint.clone())
        } else if let Some(error) = cause.downcast_ref::<mainguard::policy::PolicyError>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::github::payload::Error>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::git::GitError>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::github::Error>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::previews::PreviewError>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::probe::ProbeError>() {
            error.hint()
        } else if let Some(error) = cause.downcast_ref::<mainguard::report::json::ReadError>() {
            error.hint()
        } else {
            None
        }
    })
}
