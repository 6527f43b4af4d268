//! From the parser's tree to shapes.
//!
//! A source file is first turned into its declarations, so that what a compiler can tell without a type checker is
//! written down: <https://www.typescriptlang.org/tsconfig/#isolatedDeclarations>.

mod shapes;
mod words;

use oxc_ast::ast::{
    BindingPattern, Class as ClassNode, ClassElement, Declaration, ExportDefaultDeclarationKind, Expression,
    FormalParameters, Function, ImportDeclarationSpecifier, MethodDefinitionKind, MethodDefinitionType, Program,
    PropertyDefinitionType, Statement, TSAccessibility, TSEnumDeclaration, TSEnumMemberName, TSInterfaceDeclaration,
    TSModuleReference, TSNamespaceDeclaration, TSNamespaceDeclarationBody, TSThisParameter, TSTypeAnnotation,
    TSTypeParameterDeclaration, VariableDeclaration, VariableDeclarationKind, VariableDeclarator,
};
use oxc_isolated_declarations::{IsolatedDeclarations, IsolatedDeclarationsOptions};
use oxc_span::{GetSpan, Span};

use super::shape::{
    At, Class, Entity, Enum, EnumMember, Export, Fixed, From, Generic, Import, Label, Meaning, Members, Module, Node,
    Parameter, Property, Signature, Type, Value, Visibility,
};
use crate::contracts::ecmascript;
use shapes::{Kind, add_method, reference};
use words::{expression_name, literal, pattern_name, squeeze, type_name};

/// How deep a type may be before it counts as something that is not judged.
const MOST_DEPTH: usize = 64;

/// How many declarations a module may have.
const MOST_ENTITIES: usize = 50_000;

const INSTANCE: Fixed = Fixed { of_class: false, is_abstract: false };

/// Reads one file. What is wrong with it stands in [`Module::problem`].
pub(super) fn module(path: &str, bytes: Vec<u8>) -> Module {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => return Module { problem: Some(("it is not UTF-8".into(), 0)), ..Module::default() },
    };
    let declares = [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| path.ends_with(ending));
    let read = ecmascript::parse(&text, path, |allocator, program| {
        if declares {
            return lower(&text, program);
        }
        let made = IsolatedDeclarations::new(allocator, IsolatedDeclarationsOptions::default()).build(program);
        lower(&text, &made.program)
    });
    let mut module = read.unwrap_or_else(|problem| Module { problem: Some(problem), ..Module::default() });
    module.text = text;
    module
}

fn lower(text: &str, program: &Program<'_>) -> Module {
    let mut lowering = Lowering { text, module: Module::default(), scope: Vec::new(), depth: 0 };
    for statement in &program.body {
        lowering.statement(statement, "", false);
        if lowering.module.entities.len() > MOST_ENTITIES {
            lowering.module.problem = Some((format!("it declares more than {MOST_ENTITIES} names"), 0));
            break;
        }
    }
    lowering.module
}

struct Lowering<'t> {
    text: &'t str,
    module: Module,
    /// Type parameters in scope, from the outside in.
    scope: Vec<String>,
    depth: usize,
}

impl Lowering<'_> {
    /// The source between two offsets without spaces and comments that mean nothing.
    fn source(&self, at: At) -> String {
        squeeze(self.text.get(at.start as usize..at.end as usize).unwrap_or_default())
    }

    fn statement(&mut self, statement: &Statement<'_>, prefix: &str, in_declared_namespace: bool) {
        match statement {
            Statement::ImportDeclaration(import) => {
                let source = import.source.value.to_string();
                for specifier in import.specifiers.iter().flatten() {
                    let (local, name) = match specifier {
                        ImportDeclarationSpecifier::ImportSpecifier(named) => {
                            (named.local.name.to_string(), named.imported.name().to_string())
                        }
                        ImportDeclarationSpecifier::ImportDefaultSpecifier(named) => {
                            (named.local.name.to_string(), "default".into())
                        }
                        ImportDeclarationSpecifier::ImportNamespaceSpecifier(named) => {
                            (named.local.name.to_string(), "*".into())
                        }
                    };
                    self.module.imports.insert(local, Import { source: source.clone(), name });
                }
            }
            Statement::ExportDeclaration(export) => self.declaration(&export.declaration, prefix, true),
            Statement::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    let type_only = is_type(export.export_kind) || is_type(specifier.export_kind);
                    let from = From::Local(join(prefix, &specifier.local.name()));
                    self.export(join(prefix, &specifier.exported.name()), specifier.span, type_only, from);
                }
            }
            Statement::ExportFromDeclaration(export) => {
                for specifier in &export.specifiers {
                    let type_only = is_type(export.export_kind) || is_type(specifier.export_kind);
                    let name = specifier.local.name().to_string();
                    let from = From::Other(Import { source: export.source.value.to_string(), name });
                    self.export(specifier.exported.name().to_string(), specifier.span, type_only, from);
                }
            }
            Statement::ExportAllDeclaration(export) => match &export.exported {
                Some(name) => {
                    let from = From::Other(Import { source: export.source.value.to_string(), name: "*".into() });
                    self.export(name.name().to_string(), export.span, is_type(export.export_kind), from);
                }
                None => self.module.stars.push((export.source.value.to_string(), at(export.span))),
            },
            Statement::ExportDefaultDeclaration(export) => self.default_export(&export.declaration, export.span),
            Statement::TSExportAssignment(export) => {
                let from = match &export.expression {
                    Expression::Identifier(name) => From::Local(name.name.to_string()),
                    other => {
                        let text = self.source(at(other.span()));
                        let ty = Node { at: at(other.span()), ty: Type::Unwritten(text) };
                        let entity = self.module.entities.entry("=".into()).or_default();
                        entity.at = at(export.span);
                        entity.value = Some(Value::Variable { ty, constant: true });
                        From::Local("=".into())
                    }
                };
                self.export("=".into(), export.span, false, from);
            }
            other => {
                if let Some(declaration) = other.as_declaration() {
                    self.declaration(declaration, prefix, in_declared_namespace);
                }
            }
        }
    }

    fn export(&mut self, name: String, span: Span, type_only: bool, from: From) {
        // What a namespace exports is a member of it, found by its name.
        if !name.contains('.') {
            self.module.exports.insert(name, Export { at: at(span), type_only, from });
        }
    }

    fn default_export(&mut self, declaration: &ExportDefaultDeclarationKind<'_>, span: Span) {
        let local = match declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                let name = function.id.as_ref().map_or_else(|| "default".into(), |id| id.name.to_string());
                self.function(function, &name);
                name
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                let name = class.id.as_ref().map_or_else(|| "default".into(), |id| id.name.to_string());
                self.class(class, &name);
                name
            }
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(interface) => {
                self.interface(interface, "");
                interface.id.name.to_string()
            }
            ExportDefaultDeclarationKind::Identifier(name) => name.name.to_string(),
            other => {
                let ty = Node { at: at(other.span()), ty: Type::Unwritten(self.source(at(other.span()))) };
                let entity = self.module.entities.entry("default".into()).or_default();
                entity.at = at(span);
                entity.value = Some(Value::Variable { ty, constant: true });
                "default".into()
            }
        };
        self.export("default".into(), span, false, From::Local(local));
    }

    fn declaration(&mut self, declaration: &Declaration<'_>, prefix: &str, exported: bool) {
        let mut names: Vec<(String, Span)> = Vec::new();
        match declaration {
            Declaration::VariableDeclaration(variables) => {
                self.variables(variables, prefix, &mut names);
            }
            Declaration::FunctionDeclaration(function) => {
                if let Some(id) = &function.id {
                    self.function(function, &join(prefix, &id.name));
                    names.push((id.name.to_string(), id.span));
                }
            }
            Declaration::ClassDeclaration(class) => {
                if let Some(id) = &class.id {
                    self.class(class, &join(prefix, &id.name));
                    names.push((id.name.to_string(), id.span));
                }
            }
            Declaration::TSTypeAliasDeclaration(alias) => {
                let outer = self.scope.len();
                let generics = self.generics(alias.type_parameters.as_deref());
                let node = self.node(&alias.type_annotation, at(alias.span));
                self.scope.truncate(outer);
                let entity = self.entity(&join(prefix, &alias.id.name), alias.id.span);
                entity.meaning = Some(Meaning::Alias { generics, node });
                names.push((alias.id.name.to_string(), alias.id.span));
            }
            Declaration::TSInterfaceDeclaration(interface) => {
                self.interface(interface, prefix);
                names.push((interface.id.name.to_string(), interface.id.span));
            }
            Declaration::TSEnumDeclaration(declared) => {
                self.enumeration(declared, prefix);
                names.push((declared.id.name.to_string(), declared.id.span));
            }
            Declaration::TSNamespaceDeclaration(namespace) => {
                self.namespace(namespace, prefix);
                names.push((namespace.id.name.to_string(), namespace.id.span));
            }
            Declaration::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(reference) = &import.module_reference {
                    let source = reference.expression.value.to_string();
                    self.module.imports.insert(import.id.name.to_string(), Import { source, name: "=".into() });
                    names.push((import.id.name.to_string(), import.id.span));
                }
            }
            Declaration::TSExternalModuleDeclaration(_) | Declaration::TSGlobalDeclaration(_) => {}
        }
        if exported {
            for (name, span) in names {
                let from = From::Local(join(prefix, &name));
                self.export(join(prefix, &name), span, false, from);
            }
        }
    }

    fn entity(&mut self, name: &str, span: Span) -> &mut Entity {
        let entity = self.module.entities.entry(name.to_string()).or_default();
        if entity.at.end == 0 {
            entity.at = at(span);
        }
        entity
    }

    fn variables(&mut self, variables: &VariableDeclaration<'_>, prefix: &str, names: &mut Vec<(String, Span)>) {
        let constant = variables.kind != VariableDeclarationKind::Let && variables.kind != VariableDeclarationKind::Var;
        for variable in &variables.declarations {
            let BindingPattern::BindingIdentifier(id) = &variable.id else { continue };
            let ty = self.variable_type(variable, constant);
            let span = if id.span.end == 0 { variable.span } else { id.span };
            self.entity(&join(prefix, &id.name), span).value = Some(Value::Variable { ty, constant });
            names.push((id.name.to_string(), span));
        }
    }

    fn variable_type(&mut self, variable: &VariableDeclarator<'_>, constant: bool) -> Node {
        let here = at(variable.span);
        match (&variable.type_annotation, &variable.init) {
            (Some(annotation), _) => self.node(&annotation.type_annotation, here),
            (None, Some(init)) => match literal(init) {
                Some(text) if constant => Node { at: here, ty: Type::Literal(text) },
                Some(text) => Node { at: here, ty: Type::Literal(text).widened().unwrap_or(Type::Unknown) },
                None => Node { at: here, ty: Type::Unwritten(self.source(here)) },
            },
            (None, None) => Node { at: here, ty: Type::Unwritten(self.source(here)) },
        }
    }

    fn function(&mut self, function: &Function<'_>, name: &str) {
        let signature = self.function_signature(function, at(function.span));
        let span = function.id.as_ref().map_or(function.span, |id| id.span);
        let entity = self.entity(name, span);
        match &mut entity.value {
            Some(Value::Function(overloads)) => overloads.push(signature),
            value => *value = Some(Value::Function(vec![signature])),
        }
    }

    fn function_signature(&mut self, function: &Function<'_>, here: At) -> Signature {
        self.signature(
            function.type_parameters.as_deref(),
            function.this_param.as_deref(),
            &function.params,
            function.return_type.as_deref(),
            here,
        )
    }

    fn signature(
        &mut self,
        generics: Option<&TSTypeParameterDeclaration<'_>>,
        this: Option<&TSThisParameter<'_>>,
        parameters: &FormalParameters<'_>,
        result: Option<&TSTypeAnnotation<'_>>,
        here: At,
    ) -> Signature {
        let outer = self.scope.len();
        let generics = self.generics(generics);
        let this = this.and_then(|this| this.type_annotation.as_deref());
        let this = this.map(|annotation| Box::new(self.node(&annotation.type_annotation, here)));
        let mut list = Vec::new();
        for parameter in &parameters.items {
            let at = or(at(parameter.span), here);
            let ty = self.written(parameter.type_annotation.as_deref(), at);
            let optional = parameter.optional || parameter.initializer.is_some();
            list.push(Parameter { name: pattern_name(&parameter.pattern), at, optional, ty });
        }
        let rest = parameters.rest.as_deref().map(|rest| {
            let at = or(at(rest.span), here);
            let ty = self.written(rest.type_annotation.as_deref(), at);
            Box::new(Parameter { name: pattern_name(&rest.rest.argument), at, optional: true, ty })
        });
        let result = Box::new(self.written(result, here));
        self.scope.truncate(outer);
        Signature { at: here, generics, this, parameters: list, rest, result }
    }

    /// The annotated type, or that there is none.
    fn written(&mut self, annotation: Option<&TSTypeAnnotation<'_>>, here: At) -> Node {
        match annotation {
            Some(annotation) => self.node(&annotation.type_annotation, here),
            None => Node { at: here, ty: Type::Unwritten(self.source(here)) },
        }
    }

    /// Puts the parameters into scope; the caller takes them out again.
    fn generics(&mut self, declared: Option<&TSTypeParameterDeclaration<'_>>) -> Vec<Generic> {
        let Some(declared) = declared else { return Vec::new() };
        self.scope.extend(declared.params.iter().map(|parameter| parameter.name.name.to_string()));
        let each = declared.params.iter().map(|parameter| {
            let here = at(parameter.span);
            Generic {
                name: Label(parameter.name.name.to_string()),
                at: here,
                constraint: parameter.constraint.as_ref().map(|ty| self.node(ty, here)),
                default: parameter.default.as_ref().map(|ty| self.node(ty, here)),
            }
        });
        each.collect()
    }

    fn interface(&mut self, interface: &TSInterfaceDeclaration<'_>, prefix: &str) {
        let outer = self.scope.len();
        let here = at(interface.span);
        let mine = self.generics(interface.type_parameters.as_deref());
        let mut more = Vec::new();
        for parent in &interface.extends {
            let args = self.arguments(parent.type_arguments.as_deref(), here);
            let name = type_name(&parent.type_name);
            more.push(Node { at: or(at(parent.span), here), ty: reference(name, args) });
        }
        let body = self.members(&interface.body.body, here);
        self.scope.truncate(outer);
        let entity = self.entity(&join(prefix, &interface.id.name), interface.id.span);
        match &mut entity.meaning {
            // Two interfaces of one name are one.
            Some(Meaning::Interface { parents, members, .. }) => {
                parents.extend(more);
                members.properties.extend(body.properties);
                members.calls.extend(body.calls);
                members.constructs.extend(body.constructs);
                members.indexes.extend(body.indexes);
            }
            meaning => *meaning = Some(Meaning::Interface { generics: mine, parents: more, members: body }),
        }
    }

    fn enumeration(&mut self, declared: &TSEnumDeclaration<'_>, prefix: &str) {
        let mut members = Vec::new();
        let mut next = Some(0.0f64);
        for member in &declared.body.members {
            let name = match &member.id {
                TSEnumMemberName::Identifier(name) => name.name.to_string(),
                TSEnumMemberName::String(text) | TSEnumMemberName::ComputedString(text) => text.value.to_string(),
                TSEnumMemberName::ComputedTemplateString(text) => self.source(at(text.span)),
            };
            let value = match &member.initializer {
                Some(init) => match literal(init) {
                    Some(text) => {
                        next = text.parse::<f64>().ok().map(|number| number + 1.0);
                        text
                    }
                    None => {
                        next = None;
                        self.source(at(init.span()))
                    }
                },
                None => match next {
                    Some(number) => {
                        next = Some(number + 1.0);
                        number.to_string()
                    }
                    None => "(one more)".into(),
                },
            };
            members.push(EnumMember { name, at: at(member.span), value });
        }
        let entity = self.entity(&join(prefix, &declared.id.name), declared.id.span);
        match &mut entity.value {
            Some(Value::Enum(before)) => before.members.extend(members),
            value => *value = Some(Value::Enum(Enum { members, is_const: declared.r#const })),
        }
    }

    fn namespace(&mut self, namespace: &TSNamespaceDeclaration<'_>, prefix: &str) {
        if self.depth >= MOST_DEPTH {
            return;
        }
        self.depth += 1;
        let name = join(prefix, &namespace.id.name);
        self.entity(&name, namespace.id.span).is_namespace = true;
        match &namespace.body {
            TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => self.namespace(inner, &name),
            TSNamespaceDeclarationBody::TSModuleBlock(block) => {
                for statement in &block.body {
                    self.statement(statement, &name, true);
                }
            }
        }
        self.depth -= 1;
    }

    fn class(&mut self, class: &ClassNode<'_>, name: &str) {
        let outer = self.scope.len();
        let here = at(class.span);
        let generics = self.generics(class.type_parameters.as_deref());
        let parent = class.heritage.as_ref().map(|heritage| {
            let args = self.arguments(heritage.type_arguments.as_deref(), here);
            Node { at: here, ty: reference(expression_name(&heritage.expression), args) }
        });
        let mut interfaces = Vec::new();
        for implemented in &class.implements {
            let args = self.arguments(implemented.type_arguments.as_deref(), here);
            interfaces.push(Node { at: here, ty: reference(type_name(&implemented.expression), args) });
        }
        let mut made = Class {
            generics,
            parent,
            interfaces,
            members: Members::default(),
            constructors: Vec::new(),
            constructor: Visibility::Public,
            is_abstract: class.r#abstract,
        };
        for element in &class.body.body {
            self.class_element(element, &mut made, here);
        }
        self.scope.truncate(outer);
        let span = class.id.as_ref().map_or(class.span, |id| id.span);
        self.entity(name, span).value = Some(Value::Class(Box::new(made)));
    }

    fn class_element(&mut self, element: &ClassElement<'_>, class: &mut Class, outer: At) {
        match element {
            ClassElement::StaticBlock(_) => {}
            ClassElement::TSIndexSignature(_) => {}
            ClassElement::PropertyDefinition(property) => {
                let Some(name) = self.key(&property.key) else { return };
                let here = or(at(property.span), outer);
                let ty = match (&property.type_annotation, &property.value) {
                    (None, Some(value)) => match literal(value) {
                        Some(text) => Node { at: here, ty: Type::Literal(text) },
                        None => Node { at: here, ty: Type::Unwritten(self.source(here)) },
                    },
                    (annotation, _) => self.written(annotation.as_deref(), here),
                };
                class.members.properties.push(Property {
                    name,
                    at: here,
                    optional: property.optional,
                    readonly: property.readonly,
                    visibility: visibility(property.accessibility),
                    fixed: Fixed {
                        of_class: property.r#static,
                        is_abstract: property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition,
                    },
                    ty,
                });
            }
            ClassElement::AccessorProperty(property) => {
                let Some(name) = self.key(&property.key) else { return };
                let here = or(at(property.span), outer);
                let ty = self.written(property.type_annotation.as_deref(), here);
                class.members.properties.push(Property {
                    name,
                    at: here,
                    optional: false,
                    readonly: false,
                    visibility: visibility(property.accessibility),
                    fixed: Fixed { of_class: property.r#static, is_abstract: false },
                    ty,
                });
            }
            ClassElement::MethodDefinition(method) => {
                let here = or(at(method.span), outer);
                let signature = self.function_signature(&method.value, here);
                if method.kind == MethodDefinitionKind::Constructor {
                    class.constructors.push(signature);
                    class.constructor = class.constructor.max(visibility(method.accessibility));
                    return;
                }
                let Some(name) = self.key(&method.key) else { return };
                let kind = match method.kind {
                    MethodDefinitionKind::Get => Kind::Get,
                    MethodDefinitionKind::Set => Kind::Set,
                    _ => Kind::Method,
                };
                let is_abstract = method.r#type == MethodDefinitionType::TSAbstractMethodDefinition;
                let property = Property {
                    name,
                    at: here,
                    optional: method.optional,
                    readonly: false,
                    visibility: visibility(method.accessibility),
                    fixed: Fixed { of_class: method.r#static, is_abstract },
                    ty: Node { at: here, ty: Type::Never },
                };
                add_method(&mut class.members, property, kind, signature);
            }
        }
    }
}

fn at(span: Span) -> At {
    At { start: span.start, end: span.end }
}

/// What the compiler made up has no place of its own: it stands where its owner does.
fn or(here: At, outer: At) -> At {
    if here.end == 0 { outer } else { here }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") }
}

fn is_type(kind: oxc_ast::ast::ImportOrExportKind) -> bool {
    kind.is_type()
}

fn visibility(accessibility: Option<TSAccessibility>) -> Visibility {
    match accessibility {
        Some(TSAccessibility::Private) => Visibility::Private,
        Some(TSAccessibility::Protected) => Visibility::Protected,
        _ => Visibility::Public,
    }
}
