//! What Swagger 2 says differently: bodies among the parameters, one list of media types, addresses in pieces.

use super::model::{Body, In, Media};
use super::read::{Reader, media_name};
use crate::contracts::Unreadable;
use crate::contracts::document::{Forest, Node};

/// How a list is written, in the words of OpenAPI 3.
pub(super) fn style(format: Option<&str>, place: In) -> (String, bool) {
    let usual = if matches!(place, In::Query | In::Form | In::Cookie) { "form" } else { "simple" };
    let (style, explode) = match format {
        Some("multi") => ("form", true),
        Some("ssv") => ("spaceDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("tsv") => ("tabDelimited", false),
        _ => (usual, false),
    };
    (style.into(), explode)
}

/// The parameter that is the body.
pub(super) fn body(
    reader: &mut Reader<'_, '_>,
    operation: Node,
    list: Option<Node>,
) -> Result<Option<Body>, Unreadable> {
    let list = list.map(|list| reader.forest.items(list).to_vec()).unwrap_or_default();
    for at in list {
        let node = reader.follow(at)?;
        if reader.word(node, "in") == Some("body") {
            let (required, schema) = (reader.flag(node, "required"), reader.get(node, "schema"));
            let consumes = reader.get(operation, "consumes").or(reader.consumes);
            return Ok(Some(Body { key: at, node, required, media: media(reader, consumes, at, schema) }));
        }
    }
    Ok(None)
}

/// What a response may be written as.
pub(super) fn response_media(reader: &mut Reader<'_, '_>, operation: Node, response: Node) -> Vec<Media> {
    let Some(schema) = reader.get(response, "schema") else { return Vec::new() };
    let produces = reader.get(operation, "produces").or(reader.produces);
    media(reader, produces, schema, Some(schema))
}

fn media(reader: &Reader<'_, '_>, list: Option<Node>, otherwise: Node, schema: Option<Node>) -> Vec<Media> {
    let list = list.map(|list| reader.forest.items(list)).unwrap_or_default();
    let mut found: Vec<Media> = Vec::new();
    for node in list {
        let name = media_name(reader.forest.scalar(*node).unwrap_or_default());
        if !found.iter().any(|known| known.name == name) {
            found.push(Media { name, key: *node, schema });
        }
    }
    if found.is_empty() {
        // Where nothing is said, clients and generators take JSON.
        found.push(Media { name: "application/json".into(), key: otherwise, schema });
    }
    found
}

/// `schemes`, `host` and `basePath` as whole addresses.
pub(super) fn servers(forest: &Forest, root: Node) -> Vec<(String, Node)> {
    let word = |key: &str| forest.get(root, key).and_then(|node| forest.scalar(node).map(|word| (word, node)));
    let (host, folder) = (word("host"), word("basePath"));
    let Some((_, at)) = folder.or(host) else { return Vec::new() };
    let folder = folder.map_or("", |(folder, _)| folder).trim_end_matches('/');
    let Some((host, _)) = host else { return vec![(folder.to_string(), at)] };
    let schemes = forest.get(root, "schemes").map(|node| forest.items(node)).unwrap_or_default();
    let schemes: Vec<&str> = schemes.iter().filter_map(|node| forest.scalar(*node)).collect();
    let schemes = if schemes.is_empty() { vec!["https"] } else { schemes };
    schemes.into_iter().map(|scheme| (format!("{scheme}://{host}{folder}"), at)).collect()
}
