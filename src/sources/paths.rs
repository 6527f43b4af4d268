//! Paths as gitleaks reports them: cleaned the way Go cleans them, with `/`. An edge: links are read.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use bstr::{BString, ByteSlice, ByteVec};

/// As many links as Go follows before it speaks of a loop.
const MOST_LINKS: usize = 255;

/// The bytes of a path, with `/`.
pub(super) fn bytes(path: &Path) -> BString {
    let bytes = Vec::from_path_lossy(path).into_owned();
    BString::from(if cfg!(windows) { bytes.replace(b"\\", b"/") } else { bytes })
}

/// The shortest path that means the same, without looking: no `.`, no `//`, no `a/..`. Nothing becomes `.`.
/// <https://pkg.go.dev/path#Clean>
pub(super) fn clean(path: &[u8]) -> BString {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(&last) if last != b".." => drop(parts.pop()),
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(b"/".as_slice());
    BString::from(match (rooted, joined.is_empty()) {
        (true, _) => [b"/".as_slice(), &joined].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    })
}

/// Where a path leads once every link in it is followed. A relative path stays relative if its links are.
/// <https://pkg.go.dev/path/filepath#EvalSymlinks>
///
/// # Errors
/// A part that does not exist, a loop.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut rest = parts(path);
    let mut resolved = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => match resolved.components().next_back() {
                Some(Component::Normal(_)) => drop(resolved.pop()),
                Some(Component::RootDir) => {}
                _ => resolved.push(".."),
            },
            Some(Component::Normal(_)) => {
                resolved.push(&part);
                if resolved.symlink_metadata()?.is_symlink() {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(io::Error::other("the links go round in a circle"));
                    }
                    let target = resolved.read_link()?;
                    resolved.pop();
                    rest.extend(parts(&target));
                }
            }
            Some(Component::CurDir) | None => {}
            // A root or a drive: what came before no longer counts.
            Some(_) => resolved.push(&part),
        }
    }
    Ok(if resolved.as_os_str().is_empty() { PathBuf::from(".") } else { resolved })
}

/// The parts of a path, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        let cases = [
            ("", "."),
            (".", "."),
            ("./a//b/", "a/b"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
            ("/", "/"),
            ("a/..", "."),
            ("../..", "../.."),
        ];
        for (path, expected) in cases {
            assert_eq!(clean(path.as_bytes()), expected, "{path}");
        }
    }
}
