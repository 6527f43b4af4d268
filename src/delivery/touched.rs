//! Whether a change touches what others rely on. Pure.

use crate::change::{ChangeSet, RepoPath};

/// What a change touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Something that others rely on: a contract or shared types.
    pub contracts: bool,
    /// A route of the API.
    pub endpoints: bool,
}

/// What a change touches, judged by the paths on both of its sides.
pub fn touched(change: &ChangeSet) -> Touched {
    let paths = change.files.iter().flat_map(|file| [Some(&file.path), file.old_path.as_ref()]).flatten();
    paths.fold(Touched::default(), |so_far, path| Touched {
        contracts: so_far.contracts || is_contract(path),
        endpoints: so_far.endpoints || is_endpoint(path),
    })
}

fn is_contract(path: &RepoPath) -> bool {
    let text = path.to_text().to_lowercase();
    let name = text.rsplit('/').next().unwrap_or_default();
    let folder = |part: &str| text.starts_with(&part[1..]) || text.contains(part);
    folder("/packages/contracts/")
        || folder("/packages/types/")
        || name.ends_with(".proto")
        || name.ends_with(".graphql")
        || name.ends_with(".graphqls")
        || ["openapi.", "swagger."].iter().any(|start| name.starts_with(start))
}

fn is_endpoint(path: &RepoPath) -> bool {
    let text = path.to_text().to_lowercase();
    let name = text.rsplit('/').next().unwrap_or_default();
    let code = [".ts", ".tsx", ".js", ".mjs", ".cjs", ".py", ".go", ".rs", ".java", ".kt", ".rb"];
    let is_code = code.iter().any(|ending| name.ends_with(ending));
    let is_test = [".test.", ".spec.", "_test."].iter().any(|part| name.contains(part));
    let folders: Vec<&str> = text.split('/').rev().skip(1).collect();
    let in_routes = folders.iter().any(|&folder| matches!(folder, "routes" | "api" | "endpoints" | "controllers"));
    is_code && !is_test && (in_routes || name.starts_with("route.") || name.starts_with("routes."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_they_hold() {
        let contract = |path: &str| is_contract(&RepoPath::new(path));
        assert!(contract("packages/contracts/orders.ts") && contract("packages/types/src/index.ts"));
        assert!(contract("services/a/packages/contracts/x") && contract("api/openapi.yaml") && contract("a/b.proto"));
        assert!(!contract("xpackages/contracts/x") && !contract("src/lib.rs"));
        let endpoint = |path: &str| is_endpoint(&RepoPath::new(path));
        assert!(endpoint("apps/web/app/api/orders/route.ts") && endpoint("src/routes/orders.ts"));
        assert!(!endpoint("docs/api/index.md") && !endpoint("src/routes/orders.test.ts") && !endpoint("src/lib.rs"));
    }
}
