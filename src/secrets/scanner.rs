//! Stub until the engine is merged.
use super::{Fragment, Leak, RuleSet};
/// x
#[derive(Debug)]
pub struct Scanner;
/// x
#[derive(Debug)]
pub struct Cache;
/// x
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// x
    pub decode_depth: usize,
    /// x
    pub ignore_allow_comments: bool,
}
/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct RuleError;
impl Scanner {
    /// x
    pub fn new(_: &RuleSet, _: Options) -> Result<Scanner, RuleError> {
        Ok(Scanner)
    }
    /// x
    pub fn cache(&self) -> Cache {
        Cache
    }
    /// x
    pub fn scan(&self, _: &Fragment<'_>, _: &mut Cache) -> Vec<Leak> {
        Vec::new()
    }
}
