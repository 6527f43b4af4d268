//! The rules for code, as of the base.

use std::path::Path;

use mainguard::change::{ChangeSet, CommitId};
use mainguard::context::Loaded;
use mainguard::git::Repository;
use mainguard::guards::sast::{Config, Rules, RulesError, Scanner};
use mainguard::semgrep::{self, SemgrepError};

use crate::console::Console;

/// The rules, and what other scanners say that the configuration names. One that is not installed is not missed; one
/// that fails is never green.
pub(crate) fn load(
    repository: &Repository,
    base: Option<&CommitId>,
    change: &ChangeSet,
    config: &Config,
    console: &Console,
) -> anyhow::Result<Loaded<Option<Rules>>> {
    let mut rules = rules(repository, base, config)?;
    if let Some(rules) = rules.as_mut().filter(|_| config.external.contains(&Scanner::Semgrep)) {
        let found = semgrep::run(Path::new("semgrep"), &config.semgrep_config, &change.files, repository.git_dir());
        match found {
            Ok(found) => rules.external = found,
            Err(SemgrepError::Missing) => console.warn("Semgrep is not on PATH: only our own rules were used"),
            Err(error) => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                return Ok(Loaded::Failed(format!("{error}{hint}")));
            }
        }
    }
    Ok(Loaded::Present(rules))
}

/// The built-in rules and those of the repository. A folder is listed only when the configuration names one.
fn rules(repository: &Repository, base: Option<&CommitId>, config: &Config) -> anyhow::Result<Option<Rules>> {
    let read = |path: &str| -> Result<Option<Vec<u8>>, Problem> {
        Ok(match base {
            Some(base) => repository.read_at(base, path).map_err(|error| Problem(error.into()))?,
            None => None,
        })
    };
    let list = |folder: &str| -> Result<Vec<String>, Problem> {
        let Some(base) = base else { return Ok(Vec::new()) };
        let paths = repository.paths_at(base).map_err(|error| Problem(error.into()))?;
        let prefix = format!("{folder}/");
        let names = paths.iter().filter_map(|path| Some(path.to_text().strip_prefix(&prefix)?.to_string()));
        Ok(names.filter(|name| !name.contains('/')).collect())
    };
    Rules::load(config, read, list).map_err(|problem| problem.0)
}

/// Whatever went wrong, with the advice that travels with it.
struct Problem(anyhow::Error);

impl From<RulesError> for Problem {
    fn from(error: RulesError) -> Problem {
        let hint = error.hint();
        Problem(match hint {
            Some(hint) => crate::console::Hinted::error(error.to_string(), hint),
            None => error.into(),
        })
    }
}
