//! One model of what Swagger 2, OpenAPI 3.0 and 3.1 describe.
//!
//! Everything points into the forest, where it was written; what the three languages say differently is said here in one
//! way. References to whole parts (a path item, a parameter, a response) are followed; schemas are left to the
//! comparator.

use std::collections::BTreeMap;

use crate::contracts::document::Node;
use crate::contracts::schema::Dialect;

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Swagger2,
    OpenApi30,
    /// And what came later.
    OpenApi31,
}

impl Version {
    /// What schemas are written in.
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Version::Swagger2 | Version::OpenApi30 => Dialect::OPENAPI_30,
            Version::OpenApi31 => Dialect::OPENAPI_31,
        }
    }
}

/// A document of one side.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) root: Node,
    pub(super) version: Version,
    pub(super) paths: Vec<PathItem>,
    pub(super) webhooks: Vec<PathItem>,
    pub(super) schemes: BTreeMap<String, Scheme>,
    /// Named schemas, in order.
    pub(super) schemas: Vec<(String, Node)>,
    /// Addresses, relative ones too, with the folder that Swagger 2 writes apart.
    pub(super) servers: Vec<(String, Node)>,
}

/// The operations of one path, one webhook, or one address that a callback goes to.
#[derive(Debug)]
pub(super) struct PathItem {
    /// `/pets/{id}`, the name of the webhook, or the expression of the callback.
    pub(super) name: String,
    pub(super) key: Node,
    pub(super) operations: Vec<Operation>,
}

/// What happens to a thing over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lifecycle {
    pub(super) deprecated: bool,
    pub(super) sunset: Option<Node>,
    pub(super) stability: Option<Node>,
}

#[derive(Debug)]
pub(super) struct Operation {
    /// In capitals.
    pub(super) method: String,
    pub(super) key: Node,
    pub(super) node: Node,
    pub(super) id: Option<Node>,
    pub(super) tags: Vec<Node>,
    pub(super) lifecycle: Lifecycle,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) responses: Vec<Response>,
    pub(super) security: Security,
    /// By name and address.
    pub(super) callbacks: Vec<(String, PathItem)>,
}

/// Where a parameter stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum In {
    Path,
    Query,
    Header,
    Cookie,
    /// A field of a form, which Swagger 2 counts among the parameters.
    Form,
}

impl In {
    pub(super) fn name(self) -> &'static str {
        match self {
            In::Path => "path",
            In::Query => "query",
            In::Header => "header",
            In::Cookie => "cookie",
            In::Form => "formData",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) place: In,
    pub(super) name: String,
    pub(super) node: Node,
    /// Written at the path, for all its operations.
    pub(super) shared: bool,
    pub(super) required: bool,
    pub(super) schema: Option<Node>,
    pub(super) media: Vec<Media>,
    /// How lists and objects are written, said out: `form`, exploded.
    pub(super) style: (String, bool),
    /// Whether a list or an object may stand here, so that the style matters.
    pub(super) composite: bool,
    pub(super) allow_reserved: bool,
    pub(super) allow_empty: bool,
    pub(super) lifecycle: Lifecycle,
}

#[derive(Debug)]
pub(super) struct Body {
    pub(super) key: Node,
    pub(super) node: Node,
    pub(super) required: bool,
    pub(super) media: Vec<Media>,
}

/// One way to write a body.
#[derive(Clone, Debug)]
pub(super) struct Media {
    /// Type and subtype in small letters, without parameters.
    pub(super) name: String,
    pub(super) key: Node,
    pub(super) schema: Option<Node>,
}

#[derive(Debug)]
pub(super) struct Response {
    /// `200`, `4XX`, `default`.
    pub(super) status: String,
    pub(super) key: Node,
    pub(super) node: Node,
    pub(super) media: Vec<Media>,
    pub(super) headers: Vec<Header>,
}

#[derive(Debug)]
pub(super) struct Header {
    /// As written; `insensitive` is what it is known by.
    pub(super) name: String,
    pub(super) key: Node,
    pub(super) required: bool,
    pub(super) schema: Option<Node>,
    pub(super) media: Vec<Media>,
}

/// What must be shown to be let in: one of several sets of schemes.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    /// Where it is written; `None` where nothing is.
    pub(super) node: Option<Node>,
    /// Whether it is that of the whole document.
    pub(super) inherited: bool,
    /// Scopes by the scheme that must grant them. No alternative at all: nothing must be shown.
    pub(super) alternatives: Vec<BTreeMap<String, Vec<String>>>,
}

/// A way to show who one is.
#[derive(Debug)]
pub(super) struct Scheme {
    pub(super) key: Node,
    pub(super) kind: String,
    /// What a caller must do alike: `header X-Key`, `bearer`. Scopes and addresses left out.
    pub(super) essence: String,
    /// By the name of the flow.
    pub(super) flows: BTreeMap<String, Flow>,
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) authorization: Option<String>,
    pub(super) token: Option<String>,
    pub(super) scopes: BTreeMap<String, String>,
}

impl Operation {
    /// What a caller calls it.
    pub(super) fn name(&self, item: &PathItem) -> String {
        format!("{} {}", self.method, item.name)
    }
}
