//! The `mainguard` command.

mod commands;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "mainguard", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Critic(commands::critic::CriticArgs),
}

fn main() -> ExitCode {
    let Command::Critic(args) = Cli::parse().command;
    match commands::critic::run(args, &mut std::io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            use std::io::Write;
            writeln!(std::io::stderr(), "error: {error:#}").ok();
            ExitCode::from(2)
        }
    }
}
