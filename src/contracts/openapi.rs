//! OpenAPI 3.0, 3.1 and Swagger 2: what a change of a description means for those who call the API.
//!
//! Two documents become one model each, whatever version they are written in. Operations are compared here; the schemas
//! of what is exchanged are compared by the one comparator of schemas, once for each pair and direction, and what is
//! found there is said once, with every operation that reaches it. Specification: <https://spec.openapis.org/oas/latest.html>.

mod bodies;
mod collect;
mod lifecycle;
mod model;
mod oasdiff;
mod operations;
mod pair;
mod parameters;
mod read;
mod rules;
mod schemas;
mod security;
mod swagger;
mod written;

use chrono::NaiveDate;

pub use lifecycle::Stability;
pub use rules::RULES;

use super::schema::{Conventions, Schemas};
use super::{ContractChange, Format, Impact, Place, Side, Tree, Unreadable};

/// What is asked of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The names of path parameters count when paths are paired: `/pets/{id}` and `/pets/{petId}` are then two.
    pub include_path_params: bool,
    /// The least number of days between deprecation and end of what is stable.
    pub deprecation_days_stable: u32,
    /// The least number of days between deprecation and end of what is `beta`.
    pub deprecation_days_beta: u32,
    /// Operations less stable than this by their `x-stability-level` promise nothing.
    pub stability_level: Stability,
    /// The day on which it is judged whether an announced end has come. Without it none has.
    pub today: Option<NaiveDate>,
    /// One entry for every operation and place, in the names of oasdiff, so that answers can be compared.
    pub unfolded: bool,
}

impl Options {
    fn deprecation_days(&self, stability: Stability) -> u32 {
        match stability {
            Stability::Stable => self.deprecation_days_stable,
            Stability::Beta => self.deprecation_days_beta,
            Stability::Draft | Stability::Alpha => 0,
        }
    }
}

/// Whether a rule says that something went which was not deprecated with a last day that had come.
pub fn is_unannounced(rule: &str) -> bool {
    const ENDS: [&str; 4] =
        ["-removed", "-removed-after-deprecation", "-removed-before-sunset", "-removed-sunset-unreadable"];
    ["path", "operation", "request-parameter"].iter().any(|thing| {
        let end = rule.strip_prefix(thing);
        end.is_some_and(|end| ENDS.contains(&end))
    })
}

/// What changed between two descriptions, in the order of places.
///
/// The first path of each side is its document; what else it is made of is found by its references. A change's subject
/// is an operation (`GET /pets/{id}`), a schema (`Pet.name`) or a part that operations share. If the base cannot be
/// read, one entry says so: a change that mends it must be able to pass.
///
/// # Errors
/// When the revision is no API description, refers to something that is not there, or goes beyond a limit.
pub fn diff(
    base: &dyn Tree,
    base_paths: &[String],
    revision: &dyn Tree,
    revision_paths: &[String],
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    match (base_paths.first(), revision_paths.first()) {
        (Some(old), Some(new)) => pair_of(base, old, revision, new, options),
        (Some(old), None) => Ok(vec![whole(old, "document-removed", Impact::Breaking, "is gone", Side::Base)]),
        (None, Some(new)) => {
            read::read(&mut Schemas::new(base, revision, Conventions::default()), Side::Revision, new)?;
            Ok(vec![whole(new, "document-added", Impact::Compatible, "is new", Side::Revision)])
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn pair_of(
    base: &dyn Tree,
    old: &str,
    revision: &dyn Tree,
    new: &str,
    options: &Options,
) -> Result<Vec<ContractChange>, Unreadable> {
    let mut schemas = Schemas::new(base, revision, Conventions::default());
    let after = read::read(&mut schemas, Side::Revision, new)?;
    let before = match read::read(&mut schemas, Side::Base, old) {
        Ok(before) => before,
        Err(unreadable) => return Ok(vec![not_judged(unreadable)]),
    };
    for (side, model) in [(Side::Base, &before), (Side::Revision, &after)] {
        schemas.speak(side, model.version.dialect());
    }
    let models = [&before, &after];
    let mut out = collect::Collector::new(options.unfolded);
    let context = operations::Context { forest: &schemas.forest, models, options, inverted: false };
    let uses = operations::compare(&context, &mut out);
    let pairs = schemas::compare(&mut schemas, &uses);
    match schemas.finish() {
        Ok(()) => {}
        Err(unreadable) if unreadable.side == Side::Base => return Ok(vec![not_judged(unreadable)]),
        Err(unreadable) => return Err(unreadable),
    }
    match options.unfolded {
        true => schemas::unfold(&schemas, &uses, &pairs, &mut out)?,
        false => schemas::tell(&schemas, &schemas::Names::new(&schemas.forest, models), &uses, &pairs, &mut out),
    }
    match written::tell(&mut schemas, &uses, options, &mut out) {
        Ok(()) => Ok(out.finish(&schemas.forest)),
        Err(unreadable) if unreadable.side == Side::Base => Ok(vec![not_judged(unreadable)]),
        Err(unreadable) => Err(unreadable),
    }
}

fn whole(path: &str, rule: &'static str, impact: Impact, verb: &str, side: Side) -> ContractChange {
    let place = Place { file: path.into(), line: 1, column: 1, end_line: 1, end_column: 1 };
    let (base, revision) = match side {
        Side::Base => (Some(place), None),
        Side::Revision => (None, Some(place)),
    };
    ContractChange {
        base,
        revision,
        ..entry(rule, impact, format!("the description {} {verb}", collect::code(path)), vec![path.to_string()])
    }
}

fn not_judged(unreadable: Unreadable) -> ContractChange {
    let Unreadable { file, line, column, what, .. } = unreadable;
    let message = format!("{} cannot be read in the base: {what}", collect::code(&file));
    ContractChange {
        base: Some(Place { file, line, column, end_line: line, end_column: column }),
        ..entry("cannot-be-judged", Impact::Dangerous, message, vec![what])
    }
}

fn entry(rule: &'static str, impact: Impact, message: String, args: Vec<String>) -> ContractChange {
    let known = rules::find(rule).filter(|_| impact > Impact::Compatible);
    let advice = |text: &str| (!text.is_empty()).then(|| text.to_string());
    ContractChange {
        format: Format::OpenApi,
        rule,
        impact,
        subject: "description".into(),
        message,
        args,
        before: None,
        after: None,
        base: None,
        revision: None,
        breaks: known.and_then(|rule| advice(rule.breaks)),
        fix: known.and_then(|rule| advice(rule.fix)),
        reaches: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unannounced_is_told_by_rules_that_exist() {
        let named: Vec<&str> = RULES.iter().map(|rule| rule.id).filter(|id| is_unannounced(id)).collect();
        assert_eq!(named.iter().filter(|id| id.starts_with("operation")).count(), 4, "{named:?}");
        assert_eq!(named.len(), 12, "{named:?}");
        assert!(!is_unannounced("operation-removed-after-sunset"));
    }
}
