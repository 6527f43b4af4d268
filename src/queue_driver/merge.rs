//! From a recipe to its commit: the same recipe gives the same commit, whoever makes it and whenever.

use std::collections::BTreeMap;

use crate::change::{CommitId, ObjectId};
use crate::git::integrate::{IntegrateError, MergedTree, Store};
use crate::queue::action::Recipe;
use crate::queue::build::{BuildId, Onto};
use crate::queue::world::{Merged, PullNumber};
use crate::queue::{State, World};

/// How many pairs are tried to find out who conflicts with whom.
const MOST_PAIRS: usize = 50;

/// What came of one recipe.
pub(super) enum Made {
    /// The commit and its tree.
    Commit(CommitId, ObjectId),
    /// The member that does not merge onto what stands before it, and the files.
    Conflict(PullNumber, CommitId, Vec<String>),
}

/// Makes the commit of a recipe on `onto`.
pub(super) fn make(store: &Store, recipe: &Recipe, onto: &CommitId) -> Result<Made, IntegrateError> {
    let mut standing = onto.clone();
    let mut tree = store.tree(onto)?;
    for (index, member) in recipe.members.iter().enumerate() {
        match store.merge_trees(&standing, &member.head)? {
            MergedTree::Conflict(files) => return Ok(Made::Conflict(member.pull, member.head.clone(), files)),
            MergedTree::Clean(merged) => tree = merged,
        }
        if index + 1 < recipe.members.len() {
            // What stands before the next member needs a history, so that merge bases are found. It is never pushed.
            standing = store.commit(&tree, &[standing, member.head.clone()], "between\n", recipe.at)?;
        }
    }
    let mut parents = vec![onto.clone()];
    parents.extend(recipe.members.iter().map(|member| member.head.clone()));
    parents.dedup();
    let commit = store.commit(&tree, &parents, &recipe.message, recipe.at)?;
    Ok(Made::Commit(commit, tree))
}

/// Makes the commits of builds, lowest first, and puts what came of it into the world. Whether anything is new.
pub(super) fn create_all(store: &Store, state: &State, recipes: &[Recipe], world: &mut World) -> bool {
    let mut fresh = false;
    for recipe in recipes {
        let Some(onto) = commit_of(&recipe.onto, state, world) else {
            // What it stands on could not be made: it is tried again when that is there.
            continue;
        };
        let merged = match make(store, recipe, &onto) {
            Ok(Made::Commit(commit, tree)) => Merged::Created { commit, tree },
            Ok(Made::Conflict(pull, head, files)) => {
                let with = conflicts_with(store, state, recipe, pull, &head);
                Merged::Conflict { pull, files, with }
            }
            Err(error) => Merged::Infra(error.to_string()),
        };
        fresh |= world.merges.insert(recipe.build.clone(), merged.clone()).as_ref() != Some(&merged);
    }
    fresh
}

fn commit_of(onto: &Onto, state: &State, world: &World) -> Option<CommitId> {
    match onto {
        Onto::Commit(commit) => Some(commit.clone()),
        Onto::Build(build) => match world.merges.get(build) {
            Some(Merged::Created { commit, .. }) => Some(commit.clone()),
            _ => state.builds.get(build)?.commit.clone(),
        },
    }
}

/// Those before a member with which it conflicts; nobody when it conflicts with the branch itself, all when they cannot
/// be told apart.
fn conflicts_with(store: &Store, state: &State, recipe: &Recipe, pull: PullNumber, head: &CommitId) -> Vec<PullNumber> {
    let mut before: Vec<(PullNumber, CommitId)> = Vec::new();
    let members = |members: &[crate::queue::build::Member]| -> Vec<(PullNumber, CommitId)> {
        members.iter().map(|member| (member.pull, member.head.clone())).collect()
    };
    before.extend(members(&recipe.members).into_iter().take_while(|(other, _)| *other != pull));
    let mut onto = recipe.onto.clone();
    let mut seen: BTreeMap<BuildId, ()> = BTreeMap::new();
    let bottom = loop {
        match onto {
            Onto::Commit(commit) => break commit,
            Onto::Build(id) => {
                let Some(build) = state.builds.get(&id).filter(|_| seen.insert(id.clone(), ()).is_none()) else {
                    return before.into_iter().map(|(pull, _)| pull).collect();
                };
                before.extend(members(&build.members));
                onto = build.onto.clone();
            }
        }
    };
    if !matches!(store.merge_trees(&bottom, head), Ok(MergedTree::Clean(_))) {
        return Vec::new();
    }
    let all: Vec<PullNumber> = before.iter().map(|(pull, _)| *pull).collect();
    let one_by_one: Vec<PullNumber> = before
        .into_iter()
        .take(MOST_PAIRS)
        .filter(|(_, other)| matches!(store.merge_trees(other, head), Ok(MergedTree::Conflict(_))))
        .map(|(pull, _)| pull)
        .collect();
    if one_by_one.is_empty() { all } else { one_by_one }
}
