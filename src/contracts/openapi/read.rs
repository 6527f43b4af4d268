//! Reads a document into the model.
//!
//! What is missing or of another type than it should be counts as not there: published descriptions are full of that.
//! What is not a description at all, and a reference that leads nowhere, is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{
    Body, Header, In, Lifecycle, Media, Model, Operation, Parameter, PathItem, Response, Scheme, Security, Version,
};
use super::{security, swagger};
use crate::contracts::document::{Forest, Node};
use crate::contracts::refs::Refs;
use crate::contracts::schema::Schemas;
use crate::contracts::{Side, Unreadable};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// Callbacks of callbacks deeper than this are not followed.
const DEEPEST_CALLBACKS: usize = 4;
/// Path items, operations, parameters and responses together; more are refused, for references may repeat them.
const MOST_PARTS: usize = 4_000_000;

/// What is needed to read one side.
pub(super) struct Reader<'a, 't> {
    pub(super) forest: &'a mut Forest,
    refs: &'a mut Refs<'t>,
    pub(super) version: Version,
    /// What form bodies are sent and got as, where Swagger 2 says so once for all.
    pub(super) consumes: Option<Node>,
    pub(super) produces: Option<Node>,
    security: Option<Node>,
    parts: usize,
}

/// Reads one document and all that it refers to.
///
/// # Errors
/// When it is no API description, refers to what is not there, or is too large.
pub(super) fn read(schemas: &mut Schemas<'_>, side: Side, path: &str) -> Result<Model, Unreadable> {
    let root = schemas.read(side, path)?;
    let (forest, refs) = (&mut schemas.forest, &mut schemas.refs);
    let version = version(forest, root).map_err(|what| {
        let at = forest.get(root, "openapi").or_else(|| forest.get(root, "swagger")).unwrap_or(root);
        unreadable(forest, at, what)
    })?;
    let mut reader = Reader {
        consumes: forest.get(root, "consumes"),
        produces: forest.get(root, "produces"),
        security: forest.get(root, "security"),
        forest,
        refs,
        version,
        parts: 0,
    };
    reader.model(root)
}

/// An error at a node.
pub(super) fn unreadable(forest: &Forest, at: Node, what: String) -> Unreadable {
    let (side, file) = forest.source(at).unwrap_or((Side::Base, ""));
    let (line, column) = forest.place(at).map_or((1, 1), |place| (place.line, place.column));
    Unreadable { side, file: file.into(), line, column, what }
}

fn version(forest: &Forest, root: Node) -> Result<Version, String> {
    let word = |key: &str| forest.get(root, key).and_then(|node| forest.scalar(node));
    match (word("openapi"), word("swagger")) {
        (Some(version), _) if version == "3.0" || version.starts_with("3.0.") => Ok(Version::OpenApi30),
        (Some(version), _) if version == "3" || version.starts_with("3.") => Ok(Version::OpenApi31),
        (None, Some(version)) if version == "2" || version.starts_with("2.") => Ok(Version::Swagger2),
        (Some(version), _) | (None, Some(version)) => {
            Err(format!("is written in version {version:.20}; known are Swagger 2, OpenAPI 3.0 and 3.1"))
        }
        (None, None) => Err("is not an API description: neither `openapi` nor `swagger` says its version".into()),
    }
}

impl Reader<'_, '_> {
    pub(super) fn get(&self, node: Node, key: &str) -> Option<Node> {
        self.forest.get(node, key)
    }

    pub(super) fn word(&self, node: Node, key: &str) -> Option<&str> {
        self.get(node, key).and_then(|value| self.forest.scalar(value))
    }

    pub(super) fn flag(&self, node: Node, key: &str) -> bool {
        self.get(node, key).is_some_and(|value| self.forest.is_true(value))
    }

    /// Key, node of the key and value of every entry.
    pub(super) fn entries(&self, node: Option<Node>) -> Vec<(String, Node, Node)> {
        let entries = node.map(|node| self.forest.entries(node)).unwrap_or_default();
        entries.iter().map(|(key, at, value)| (self.forest.str(*key).to_string(), *at, *value)).collect()
    }

    /// What a part is, its references followed.
    pub(super) fn follow(&mut self, node: Node) -> Result<Node, Unreadable> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(unreadable(self.forest, node, format!("holds more than {MOST_PARTS} parts")));
        }
        self.refs.follow(self.forest, node)
    }

    fn model(&mut self, root: Node) -> Result<Model, Unreadable> {
        let components = self.get(root, "components");
        let paths = self.path_items(self.get(root, "paths"), 0)?;
        let webhooks = self.path_items(self.get(root, "webhooks").or_else(|| self.get(root, "x-webhooks")), 0)?;
        let (schemas, schemes) = match self.version {
            Version::Swagger2 => (self.get(root, "definitions"), self.get(root, "securityDefinitions")),
            _ => {
                let part = |name: &str| components.and_then(|components| self.get(components, name));
                (part("schemas"), part("securitySchemes"))
            }
        };
        let mut known: BTreeMap<String, Scheme> = BTreeMap::new();
        for (name, key, node) in self.entries(schemes) {
            let node = self.follow(node)?;
            known.insert(name, security::scheme(self.forest, key, node));
        }
        Ok(Model {
            root,
            version: self.version,
            paths,
            webhooks,
            schemes: known,
            schemas: self.entries(schemas).into_iter().map(|(name, _, node)| (name, node)).collect(),
            servers: self.servers(root),
        })
    }

    fn servers(&self, root: Node) -> Vec<(String, Node)> {
        if self.version == Version::Swagger2 {
            return swagger::servers(self.forest, root);
        }
        let list = self.get(root, "servers").map(|node| self.forest.items(node)).unwrap_or_default();
        let url = |server: &Node| {
            let url = self.get(*server, "url")?;
            Some((self.forest.scalar(url)?.trim_end_matches('/').to_string(), url))
        };
        list.iter().filter_map(url).collect()
    }

    fn path_items(&mut self, node: Option<Node>, depth: usize) -> Result<Vec<PathItem>, Unreadable> {
        let mut items = Vec::new();
        for (name, key, node) in self.entries(node) {
            if !name.starts_with("x-") {
                items.push(self.path_item(name, key, node, depth)?);
            }
        }
        Ok(items)
    }

    fn path_item(&mut self, name: String, key: Node, at: Node, depth: usize) -> Result<PathItem, Unreadable> {
        let node = self.follow(at)?;
        let shared = self.parameters(self.get(node, "parameters"), true)?;
        // OpenAPI lets fields stand beside the reference of a path item; they add to what it refers to.
        let beside = if node == at { Vec::new() } else { self.entries(Some(at)) };
        let mut operations = Vec::new();
        for (word, key, value) in self.entries(Some(node)).into_iter().chain(beside) {
            let method = word.to_ascii_lowercase();
            if METHODS.contains(&method.as_str()) && self.forest.is_map(value) {
                let method = method.to_ascii_uppercase();
                if !operations.iter().any(|known: &Operation| known.method == method) {
                    operations.push(self.operation(method, key, value, node, &shared, depth)?);
                }
            }
        }
        Ok(PathItem { name, key, operations })
    }

    fn lifecycle(&self, node: Node) -> Lifecycle {
        Lifecycle {
            deprecated: self.flag(node, "deprecated"),
            sunset: self.get(node, "x-sunset"),
            stability: self.get(node, "x-stability-level"),
        }
    }

    fn operation(
        &mut self,
        method: String,
        key: Node,
        node: Node,
        item: Node,
        shared: &[Parameter],
        depth: usize,
    ) -> Result<Operation, Unreadable> {
        let (mut parameters, mut body) = (self.parameters(self.get(node, "parameters"), false)?, None);
        let inherited: Vec<Parameter> = shared
            .iter()
            .filter(|one| !parameters.iter().any(|own| own.place == one.place && own.name == one.name))
            .cloned()
            .collect();
        parameters.extend(inherited);
        if self.version == Version::Swagger2 {
            body = match swagger::body(self, node, self.get(node, "parameters"))? {
                None => swagger::body(self, node, self.get(item, "parameters"))?,
                own => own,
            };
        } else if let Some(at) = self.get(node, "requestBody") {
            let key = self.forest.key(node, "requestBody").unwrap_or(at);
            let at = self.follow(at)?;
            let media = self.media(self.get(at, "content"));
            body = Some(Body { key, node: at, required: self.flag(at, "required"), media });
        }
        let mut responses = Vec::new();
        for (status, key, at) in self.entries(self.get(node, "responses")) {
            if !status.starts_with("x-") {
                responses.push(self.response(node, status, key, at)?);
            }
        }
        let mut callbacks = Vec::new();
        if depth < DEEPEST_CALLBACKS {
            for (name, _, at) in self.entries(self.get(node, "callbacks")) {
                let at = self.follow(at)?;
                let items = self.path_items(Some(at), depth + 1)?;
                callbacks.extend(items.into_iter().map(|item| (name.clone(), item)));
            }
        }
        let own = self.get(node, "security");
        let security: Security =
            security::read(self.forest, own.or(self.security), own.is_none() && self.security.is_some());
        Ok(Operation {
            method,
            key,
            node,
            id: self.get(node, "operationId"),
            tags: self.get(node, "tags").map(|tags| self.forest.items(tags).to_vec()).unwrap_or_default(),
            lifecycle: self.lifecycle(node),
            parameters,
            body,
            responses,
            security,
            callbacks,
        })
    }

    pub(super) fn parameters(&mut self, list: Option<Node>, shared: bool) -> Result<Vec<Parameter>, Unreadable> {
        let list = list.map(|list| self.forest.items(list).to_vec()).unwrap_or_default();
        let mut found: Vec<Parameter> = Vec::new();
        for at in list {
            let node = self.follow(at)?;
            let place = match self.word(node, "in") {
                Some("path") => In::Path,
                Some("query") => In::Query,
                Some("header") => In::Header,
                Some("cookie") => In::Cookie,
                Some("formData") => In::Form,
                _ => continue,
            };
            let name = self.word(node, "name").unwrap_or_default().to_string();
            // RFC 9110: names of headers know no case. These three are described elsewhere, and ignored here.
            let ignored = ["accept", "content-type", "authorization"];
            if self.version != Version::Swagger2
                && place == In::Header
                && ignored.contains(&name.to_ascii_lowercase().as_str())
            {
                continue;
            }
            let (schema, media) = match self.version {
                Version::Swagger2 => (Some(node), Vec::new()),
                _ => (self.get(node, "schema"), self.media(self.get(node, "content"))),
            };
            found.push(Parameter {
                place,
                name,
                node,
                shared,
                required: place == In::Path || self.flag(node, "required"),
                schema,
                composite: self.composite(schema)?,
                media,
                style: self.style(place, node),
                allow_reserved: self.flag(node, "allowReserved"),
                allow_empty: self.flag(node, "allowEmptyValue"),
                lifecycle: self.lifecycle(node),
            });
        }
        Ok(found)
    }

    /// Whether a schema lets in a list or an object.
    fn composite(&mut self, schema: Option<Node>) -> Result<bool, Unreadable> {
        let Some(schema) = schema else { return Ok(false) };
        let schema = self.follow(schema)?;
        let simple = |name: &str| matches!(name, "string" | "number" | "integer" | "boolean" | "null" | "file");
        Ok(match self.get(schema, "type") {
            Some(one) if self.forest.string(one).is_some_and(simple) => false,
            Some(list) if !self.forest.items(list).is_empty() => {
                !self.forest.items(list).iter().all(|one| self.forest.string(*one).is_some_and(simple))
            }
            _ => true,
        })
    }

    fn style(&self, place: In, node: Node) -> (String, bool) {
        if self.version == Version::Swagger2 {
            return swagger::style(self.word(node, "collectionFormat"), place);
        }
        let usual = if matches!(place, In::Query | In::Cookie | In::Form) { "form" } else { "simple" };
        let style = self.word(node, "style").unwrap_or(usual).to_string();
        let explode = match self.get(node, "explode") {
            Some(explode) => self.forest.is_true(explode),
            None => style == "form",
        };
        (style, explode)
    }

    pub(super) fn media(&mut self, content: Option<Node>) -> Vec<Media> {
        let mut found: Vec<Media> = Vec::new();
        for (name, key, node) in self.entries(content) {
            let name = media_name(&name);
            // The first of those that differ only in parameters stands for all.
            if !found.iter().any(|known| known.name == name) {
                found.push(Media { name, key, schema: self.get(node, "schema") });
            }
        }
        found
    }

    fn response(&mut self, operation: Node, status: String, key: Node, at: Node) -> Result<Response, Unreadable> {
        let node = self.follow(at)?;
        let media = match self.version {
            Version::Swagger2 => swagger::response_media(self, operation, node),
            _ => self.media(self.get(node, "content")),
        };
        let mut headers: Vec<Header> = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, key, at) in self.entries(self.get(node, "headers")) {
            let node = self.follow(at)?;
            // What the body is is said by its media types, and a second spelling of a name is the same header.
            if name.eq_ignore_ascii_case("content-type") || !seen.insert(name.to_ascii_lowercase()) {
                continue;
            }
            let (required, schema, media) = match self.version {
                Version::Swagger2 => (false, Some(node), Vec::new()),
                _ => (self.flag(node, "required"), self.get(node, "schema"), self.media(self.get(node, "content"))),
            };
            headers.push(Header { name, key, required, schema, media });
        }
        Ok(Response { status: status.to_ascii_uppercase().replace("DEFAULT", "default"), key, node, media, headers })
    }
}

/// A media type as it is compared: without parameters, in small letters.
pub(super) fn media_name(written: &str) -> String {
    written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
