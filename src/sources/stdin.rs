//! Standard input, or any other stream without a name.

use std::io::Read;

use super::content::{Look, Place, Stats, Worker};
use crate::secrets::Fragment;

/// Gives every piece of `input` to `each`, in order. It is taken for text, whatever it is.
pub fn for_each(input: &mut dyn Read, look: &Look<'_>, each: &(dyn Fn(&Fragment<'_>) + Sync)) -> Stats {
    let mut worker = Worker::new(*look, each);
    worker.text(input, &Place { path: Default::default(), symlink: Default::default(), depth: 0 });
    worker.stats
}
