//! Standard input, or any other stream without a name.

use std::io::Read;

use super::content::{self, Look, Stats};
use crate::secrets::{Fragment, Origin};

/// Gives every piece of `input` to `each`, in order. It is taken for text, whatever it is.
pub fn for_each(input: &mut dyn Read, look: &Look<'_>, each: &(dyn Fn(&Fragment<'_>) + Sync)) -> Stats {
    content::one(&Origin::default(), input, look, each)
}
