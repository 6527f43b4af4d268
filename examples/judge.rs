//! mainguard as a library: judge the newest commit of a repository.
//!
//! ```sh
//! cargo run --example judge -- path/to/repository
//! ```

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use mainguard::change::Head;
use mainguard::context::Context;
use mainguard::evaluate::evaluate;
use mainguard::git::{Limits, Repository};
use mainguard::policy::Policy;
use mainguard::report::{Format, Options, Report, Subject, render};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);

    // Load: the change, and the policy as it stands where the change began.
    let repository = Repository::discover(&path)?;
    let Some(head) = repository.head()? else { return Err("the repository has no commit yet".into()) };
    let base = repository.resolve(&format!("{head}~1")).ok();
    let change = repository.change_set(base.as_ref(), &Head::Commit(head), &Limits::default())?;
    let paths = change.files.iter().map(|file| &file.path);
    let policy = Policy::resolve(None, base.as_ref(), paths, |path| match &base {
        Some(base) => repository.read_at(base, path),
        None => Ok(None),
    })?;

    // Decide: pure. Nothing is known about a pull request here, so the guards that need one are skipped.
    let verdict = evaluate(&change, &Context::default(), &policy, &[]);

    // Act: here, print.
    let report = Report::of(&verdict, &Subject::of(&change));
    std::io::stdout().write_all(render(Format::Text, &report, &Options::default()).as_bytes())?;
    Ok(ExitCode::from(verdict.outcome().exit_code()))
}
