//! The rules for code, as of the base.

use mainguard::change::CommitId;
use mainguard::git::Repository;
use mainguard::guards::sast::{Config, Rules, RulesError};

/// The built-in rules and those of the repository. A folder is listed only when the configuration names one.
pub(crate) fn rules(
    repository: &Repository,
    base: Option<&CommitId>,
    config: &Config,
) -> anyhow::Result<Option<Rules>> {
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
