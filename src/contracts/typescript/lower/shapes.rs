//! Types and the members of types.

use oxc_ast::ast::{
    PropertyKey, TSMethodSignatureKind, TSSignature, TSTupleElement, TSType, TSTypeOperatorOperator,
    TSTypeParameterInstantiation,
};
use oxc_span::GetSpan;

use super::words::{quote, type_literal, type_name, words};
use super::{INSTANCE, Lowering, MOST_DEPTH, at, or};
use crate::contracts::typescript::shape::{
    At, Element, Index, Label, Members, Node, Property, Signature, Type, Visibility,
};

/// How many members a type may have.
const MOST_MEMBERS: usize = 10_000;

impl Lowering<'_> {
    /// A member's name; what is computed is named by its text. `#private` names are nobody's business.
    pub(super) fn key(&self, key: &PropertyKey<'_>) -> Option<String> {
        if key.is_private_identifier() {
            return None;
        }
        Some(key.static_name().map_or_else(|| format!("[{}]", self.source(at(key.span()))), |name| name.to_string()))
    }

    pub(super) fn members(&mut self, signatures: &[TSSignature<'_>], outer: At) -> Members {
        let mut members = Members::default();
        if signatures.len() > MOST_MEMBERS {
            self.module.problem = Some((format!("a type in it has more than {MOST_MEMBERS} members"), outer.start));
            return members;
        }
        for signature in signatures {
            let here = or(at(signature.span()), outer);
            match signature {
                TSSignature::TSPropertySignature(property) => {
                    let Some(name) = self.key(&property.key) else { continue };
                    let ty = self.written(property.type_annotation.as_deref(), here);
                    members.properties.push(Property {
                        name,
                        at: here,
                        optional: property.optional,
                        readonly: property.readonly,
                        visibility: Visibility::Public,
                        fixed: INSTANCE,
                        ty,
                    });
                }
                TSSignature::TSMethodSignature(method) => {
                    let Some(name) = self.key(&method.key) else { continue };
                    let made = self.signature(
                        method.type_parameters.as_deref(),
                        method.this_param.as_deref(),
                        &method.params,
                        method.return_type.as_deref(),
                        here,
                    );
                    let kind = match method.kind {
                        TSMethodSignatureKind::Method => Kind::Method,
                        TSMethodSignatureKind::Get => Kind::Get,
                        TSMethodSignatureKind::Set => Kind::Set,
                    };
                    let property = Property {
                        name,
                        at: here,
                        optional: method.optional,
                        readonly: false,
                        visibility: Visibility::Public,
                        fixed: INSTANCE,
                        ty: Node { at: here, ty: Type::Never },
                    };
                    add_method(&mut members, property, kind, made);
                }
                TSSignature::TSCallSignatureDeclaration(call) => {
                    let made = self.signature(
                        call.type_parameters.as_deref(),
                        call.this_param.as_deref(),
                        &call.params,
                        call.return_type.as_deref(),
                        here,
                    );
                    members.calls.push(made);
                }
                TSSignature::TSConstructSignatureDeclaration(call) => {
                    let made = self.signature(
                        call.type_parameters.as_deref(),
                        None,
                        &call.params,
                        call.return_type.as_deref(),
                        here,
                    );
                    members.constructs.push(made);
                }
                TSSignature::TSIndexSignature(index) => {
                    let key = self.node(&index.parameter.type_annotation.type_annotation, here);
                    let value = self.node(&index.type_annotation.type_annotation, here);
                    members.indexes.push(Index { at: here, key, value, readonly: index.readonly });
                }
            }
        }
        members
    }

    pub(super) fn arguments(&mut self, args: Option<&TSTypeParameterInstantiation<'_>>, here: At) -> Vec<Node> {
        args.map(|args| args.params.iter().map(|ty| self.node(ty, here)).collect()).unwrap_or_default()
    }

    pub(super) fn node(&mut self, ty: &TSType<'_>, outer: At) -> Node {
        let here = or(at(ty.span()), outer);
        if self.depth >= MOST_DEPTH {
            return Node { at: here, ty: Type::Opaque { text: self.source(here), names: Vec::new() } };
        }
        self.depth += 1;
        let ty = self.ty(ty, here);
        self.depth -= 1;
        Node { at: here, ty }
    }

    fn ty(&mut self, ty: &TSType<'_>, here: At) -> Type {
        match ty {
            TSType::TSAnyKeyword(_) => Type::Any,
            TSType::TSBigIntKeyword(_) => Type::BigInt,
            TSType::TSBooleanKeyword(_) => Type::Boolean,
            TSType::TSNeverKeyword(_) => Type::Never,
            TSType::TSNullKeyword(_) => Type::Null,
            TSType::TSNumberKeyword(_) => Type::Number,
            TSType::TSObjectKeyword(_) => Type::NonPrimitive,
            TSType::TSStringKeyword(_) => Type::String,
            TSType::TSSymbolKeyword(_) => Type::Symbol,
            TSType::TSUndefinedKeyword(_) => Type::Undefined,
            TSType::TSVoidKeyword(_) => Type::Void,
            TSType::TSThisType(_) => Type::This,
            // The declarations say `unknown` where something would have to be inferred; the source does not.
            TSType::TSUnknownKeyword(word) => match self.text.get(word.span.start as usize..word.span.end as usize) {
                Some("unknown") => Type::Unknown,
                _ => Type::Unwritten(self.source(here)),
            },
            TSType::TSArrayType(array) => {
                Type::Array { element: Box::new(self.node(&array.element_type, here)), readonly: false }
            }
            TSType::TSTupleType(tuple) => {
                let elements = tuple.element_types.iter().map(|element| self.element(element, here)).collect();
                Type::Tuple { elements, readonly: false }
            }
            TSType::TSUnionType(union) => {
                let nodes: Vec<Node> = union.types.iter().map(|ty| self.node(ty, here)).collect();
                Type::Union(flatten(nodes, |ty| match ty {
                    Type::Union(nodes) => Ok(nodes),
                    other => Err(other),
                }))
            }
            TSType::TSIntersectionType(both) => {
                let nodes: Vec<Node> = both.types.iter().map(|ty| self.node(ty, here)).collect();
                Type::Intersection(flatten(nodes, |ty| match ty {
                    Type::Intersection(nodes) => Ok(nodes),
                    other => Err(other),
                }))
            }
            TSType::TSParenthesizedType(inner) => self.node(&inner.type_annotation, here).ty,
            TSType::TSTypeLiteral(literal) => {
                let mut members = self.members(&literal.members, here);
                let plain = members.properties.is_empty() && members.indexes.is_empty();
                match (plain, members.calls.is_empty(), members.constructs.is_empty()) {
                    (true, false, true) => Type::Function(std::mem::take(&mut members.calls)),
                    (true, true, false) => Type::Constructor(std::mem::take(&mut members.constructs)),
                    _ => Type::Object(members),
                }
            }
            TSType::TSFunctionType(function) => {
                let made = self.signature(
                    function.type_parameters.as_deref(),
                    function.this_param.as_deref(),
                    &function.params,
                    Some(&function.return_type),
                    here,
                );
                Type::Function(vec![made])
            }
            TSType::TSConstructorType(function) => {
                let made = self.signature(
                    function.type_parameters.as_deref(),
                    None,
                    &function.params,
                    Some(&function.return_type),
                    here,
                );
                Type::Constructor(vec![made])
            }
            TSType::TSLiteralType(literal) => match type_literal(&literal.literal) {
                Some(text) => Type::Literal(text),
                None => Type::Opaque { text: self.source(here), names: Vec::new() },
            },
            TSType::TSTemplateLiteralType(template) if template.types.is_empty() => {
                let cooked = template.quasis.first().and_then(|quasi| quasi.value.cooked);
                Type::Literal(quote(cooked.as_deref().unwrap_or_default()))
            }
            TSType::TSTypeOperatorType(operator) if operator.operator == TSTypeOperatorOperator::Readonly => {
                match self.node(&operator.type_annotation, here).ty {
                    Type::Array { element, .. } => Type::Array { element, readonly: true },
                    Type::Tuple { elements, .. } => Type::Tuple { elements, readonly: true },
                    other => other,
                }
            }
            TSType::TSTypeReference(named) => {
                let args = self.arguments(named.type_arguments.as_deref(), here);
                let name = type_name(&named.type_name);
                match self.scope.iter().rposition(|parameter| *parameter == name) {
                    Some(number) if args.is_empty() => Type::Parameter(number, Label(name)),
                    _ => reference(name, args),
                }
            }
            _ => {
                let text = self.source(here);
                let names = words(&text);
                Type::Opaque { text, names }
            }
        }
    }

    fn element(&mut self, element: &TSTupleElement<'_>, here: At) -> Element {
        match element {
            TSTupleElement::TSOptionalType(optional) => {
                Element { node: self.node(&optional.type_annotation, here), optional: true, rest: false }
            }
            TSTupleElement::TSRestType(rest) => {
                let node = match &rest.type_annotation {
                    TSType::TSNamedTupleMember(named) => self.element(&named.element_type, here).node,
                    other => self.node(other, here),
                };
                Element { node, optional: false, rest: true }
            }
            TSTupleElement::TSNamedTupleMember(named) => {
                let inner = self.element(&named.element_type, here);
                Element { optional: inner.optional || named.optional, ..inner }
            }
            other => match other.as_ts_type() {
                Some(ty) => Element { node: self.node(ty, here), optional: false, rest: false },
                None => Element { node: Node { at: here, ty: Type::Unknown }, optional: false, rest: false },
            },
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Method,
    Get,
    Set,
}

/// Overloads of one name are one member; so are what gets a property and what sets it.
pub(super) fn add_method(members: &mut Members, mut property: Property, kind: Kind, signature: Signature) {
    let known = members
        .properties
        .iter_mut()
        .find(|known| known.name == property.name && known.fixed.of_class == property.fixed.of_class);
    match (known, kind) {
        (Some(known), Kind::Method) => {
            if let Type::Function(overloads) = &mut known.ty.ty {
                overloads.push(signature);
            }
        }
        (Some(known), Kind::Set) => known.readonly = false,
        (Some(known), Kind::Get) => {
            known.readonly = false;
            known.ty = *signature.result;
        }
        (None, Kind::Method) => {
            property.ty.ty = Type::Function(vec![signature]);
            members.properties.push(property);
        }
        (None, Kind::Get) => {
            property.readonly = true;
            property.ty = *signature.result;
            members.properties.push(property);
        }
        (None, Kind::Set) => {
            if let Some(parameter) = signature.parameters.into_iter().next() {
                property.ty = parameter.ty;
            }
            members.properties.push(property);
        }
    }
}

pub(super) fn reference(name: String, mut args: Vec<Node>) -> Type {
    match (name.as_str(), args.len()) {
        ("Array" | "ReadonlyArray", 1) => {
            let readonly = name == "ReadonlyArray";
            Type::Array { element: Box::new(args.remove(0)), readonly }
        }
        _ => Type::Ref { name, args },
    }
}

fn flatten(nodes: Vec<Node>, open: impl Fn(Type) -> Result<Vec<Node>, Type>) -> Vec<Node> {
    let mut flat = Vec::with_capacity(nodes.len());
    for node in nodes {
        match open(node.ty) {
            Ok(inner) => flat.extend(inner),
            Err(ty) => flat.push(Node { at: node.at, ty }),
        }
    }
    flat
}
