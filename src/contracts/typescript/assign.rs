//! Is every value of one type a value of another? With `strict` on, as far as it can be told without a type checker.
//!
//! <https://www.typescriptlang.org/docs/handbook/type-compatibility.html>

use super::modules::Side;
use super::shape::{
    Class, Element, Entity, Fixed, Generic, Meaning, Members, Node, Property, Signature, Type, Value, Visibility,
};

/// Maybe is an answer: the caller says that it could not judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    No,
    Maybe,
    Yes,
}

use Answer::{Maybe, No, Yes};

/// The most steps one question may take.
const MOST_STEPS: usize = 20_000;

/// The deepest a question may go.
const MOST_DEPTH: usize = 48;

/// The most types an argument may be made of.
const MOST_WEIGHT: u64 = 20_000;

/// Objects of the standard library: none is a primitive, none is another.
const STANDARD: [&str; 23] = [
    "Date",
    "RegExp",
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "Promise",
    "Error",
    "URL",
    "URLSearchParams",
    "Uint8Array",
    "ArrayBuffer",
    "Buffer",
    "Blob",
    "File",
    "FormData",
    "Headers",
    "Request",
    "Response",
    "ReadableStream",
    "WritableStream",
    "AbortSignal",
    "AbortController",
];

/// One question and what was asked on the way to its answer.
pub(super) struct Judge {
    steps: usize,
    /// Pairs of references that are being compared: on a cycle the answer is the one of the rest.
    open: Vec<(Type, Type)>,
}

/// Whether `a` can stand where `b` is expected.
pub(super) fn assignable(a: &Type, of: &Side, b: &Type, to: &Side) -> Answer {
    Judge { steps: 0, open: Vec::new() }.sub(a, of, b, to)
}

/// Whether a function with signature `a` can stand where one with `b` is expected.
pub(super) fn callable(a: &Signature, of: &Side, b: &Signature, to: &Side) -> Answer {
    Judge { steps: 0, open: Vec::new() }.signature(a, of, b, to)
}

impl Judge {
    fn sub(&mut self, a: &Type, of: &Side, b: &Type, to: &Side) -> Answer {
        self.steps += 1;
        if self.steps > MOST_STEPS || self.open.len() > MOST_DEPTH {
            return Maybe;
        }
        if a == b {
            return if matches!(a, Type::Unwritten(_)) { Maybe } else { Yes };
        }
        // References are opened below; everything else gets smaller on the way down, which lowering has bounded.
        match (a, b) {
            (Type::Unwritten(_), _) | (_, Type::Unwritten(_)) => Maybe,
            (_, Type::Any | Type::Unknown) | (Type::Never, _) => Yes,
            (Type::Any, Type::Never) => No,
            (Type::Any, _) => Yes,
            (_, Type::Never) => match a {
                Type::Ref { .. } | Type::Opaque { .. } | Type::Parameter(..) => Maybe,
                _ => No,
            },
            (Type::Opaque { .. } | Type::Parameter(..) | Type::This, _)
            | (_, Type::Opaque { .. } | Type::Parameter(..) | Type::This) => self.opaque(a, of, b, to),
            (Type::Union(_), _) => self.all(a.branches().into_iter(), |judge, branch| judge.sub(branch, of, b, to)),
            (Type::Boolean, Type::Union(_)) => {
                self.all(a.branches().into_iter(), |judge, branch| judge.sub(branch, of, b, to))
            }
            (_, Type::Union(_)) => {
                match self.any(b.branches().into_iter(), |judge, branch| judge.sub(a, of, branch, to)) {
                    Yes => Yes,
                    other => self.opened_left(a, of, b, to).unwrap_or(other),
                }
            }
            (_, Type::Intersection(nodes)) => {
                self.all(nodes.iter().map(|node| &node.ty), |judge, part| judge.sub(a, of, part, to))
            }
            (Type::Intersection(nodes), _) => {
                match self.any(nodes.iter().map(|node| &node.ty), |judge, part| judge.sub(part, of, b, to)) {
                    Yes => Yes,
                    other => match merged(nodes, of) {
                        Some(members) => self.sub(&Type::Object(members), of, b, to),
                        None => other.max(Maybe),
                    },
                }
            }
            (Type::Ref { .. }, _) | (_, Type::Ref { .. }) => self.references(a, of, b, to),
            (Type::Literal(_), Type::Boolean | Type::String | Type::Number | Type::BigInt) => {
                if a.widened().as_ref() == Some(b) { Yes } else { No }
            }
            (Type::Undefined, Type::Void) => Yes,
            (_, Type::NonPrimitive) if a.is_object_like() => Yes,
            (_, Type::Object(members)) if members == &Members::default() => match a {
                Type::Null | Type::Undefined | Type::Void | Type::Unknown => No,
                _ => Yes,
            },
            (_, Type::Object(members)) if a.is_primitive() || matches!(a, Type::Array { .. } | Type::Tuple { .. }) => {
                // A string has a length; whoever asks for that is rare.
                let required = members.properties.iter().any(|property| !property.optional);
                if matches!(a, Type::Null | Type::Undefined | Type::Void) || (required && !natural(members)) {
                    No
                } else {
                    Maybe
                }
            }
            (Type::Array { element: from, readonly }, Type::Array { element: into, readonly: fixed }) => {
                if *readonly && !*fixed { No } else { self.sub(&from.ty, of, &into.ty, to) }
            }
            (Type::Tuple { elements, readonly }, Type::Array { element, readonly: fixed }) => {
                if *readonly && !*fixed {
                    return No;
                }
                self.all(elements.iter(), |judge, each| {
                    let inner = match (&each.node.ty, each.rest) {
                        (Type::Array { element, .. }, true) => &element.ty,
                        (other, _) => other,
                    };
                    judge.sub(inner, of, &element.ty, to)
                })
            }
            (Type::Tuple { elements: from, readonly }, Type::Tuple { elements: into, readonly: fixed }) => {
                if *readonly && !*fixed { No } else { self.tuples(from, of, into, to) }
            }
            (Type::Function(from), Type::Function(into)) | (Type::Constructor(from), Type::Constructor(into)) => self
                .all(into.iter(), |judge, wanted| {
                    judge.any(from.iter(), |judge, offered| judge.signature(offered, of, wanted, to))
                }),
            (Type::Object(from), Type::Object(into)) => self.members(from, of, into, to),
            (Type::Function(from), Type::Object(into)) => {
                self.members(&Members { calls: from.clone(), ..Members::default() }, of, into, to)
            }
            (Type::Object(from), Type::Function(into)) => {
                self.members(from, of, &Members { calls: into.clone(), ..Members::default() }, to)
            }
            (Type::Constructor(from), Type::Object(into)) => {
                self.members(&Members { constructs: from.clone(), ..Members::default() }, of, into, to)
            }
            (Type::Object(from), Type::Constructor(into)) => {
                self.members(from, of, &Members { constructs: into.clone(), ..Members::default() }, to)
            }
            _ => No,
        }
    }

    fn all<T>(&mut self, items: impl Iterator<Item = T>, mut ask: impl FnMut(&mut Self, T) -> Answer) -> Answer {
        let mut worst = Yes;
        for item in items {
            worst = worst.min(ask(self, item));
            if worst == No {
                break;
            }
        }
        worst
    }

    fn any<T>(&mut self, items: impl Iterator<Item = T>, mut ask: impl FnMut(&mut Self, T) -> Answer) -> Answer {
        let mut best = No;
        for item in items {
            best = best.max(ask(self, item));
            if best == Yes {
                break;
            }
        }
        best
    }

    /// What a type checker would work out: a template is a string, `keyof` is a key, the rest is not known.
    fn opaque(&mut self, a: &Type, of: &Side, b: &Type, to: &Side) -> Answer {
        match (a, b) {
            (Type::Opaque { text, .. }, Type::String) if text.starts_with('`') => Yes,
            (Type::Union(_), _) => {
                self.all(a.branches().into_iter(), |judge, branch| judge.sub(branch, of, b, to)).max(Maybe)
            }
            (_, Type::Union(_)) => {
                self.any(b.branches().into_iter(), |judge, branch| judge.sub(a, of, branch, to)).max(Maybe)
            }
            (Type::Null | Type::Undefined, Type::Opaque { text, .. }) if text.starts_with('`') => No,
            _ => Maybe,
        }
    }

    fn references(&mut self, a: &Type, of: &Side, b: &Type, to: &Side) -> Answer {
        if let (Type::Ref { name: x, args: from }, Type::Ref { name: y, args: into }) = (a, b) {
            let same = x == y || (of.entity(x).is_some() && to.entity(y).is_some() && short(x) == short(y));
            if same && from.len() == into.len() {
                let covariant = self.all(from.iter().zip(into), |judge, (a, b)| judge.sub(&a.ty, of, &b.ty, to));
                // Of the standard library's types all but a few are read more than written; of others nothing is known.
                return match covariant {
                    Yes => Yes,
                    other if !x.contains('#') => other,
                    _ => self.opened_both(a, of, b, to).unwrap_or(Maybe),
                };
            }
            if !x.contains('#') && !y.contains('#') && STANDARD.contains(&x.as_str()) && STANDARD.contains(&y.as_str())
            {
                return No;
            }
        }
        if let Some(answer) = enums(a, of, b, to) {
            return answer;
        }
        match (a, b) {
            (Type::Ref { name, .. }, other) if STANDARD.contains(&name.as_str()) => {
                return match other {
                    Type::NonPrimitive => Yes,
                    _ if other.is_primitive() => No,
                    Type::Array { .. } | Type::Tuple { .. } => No,
                    _ => self.opened_both(a, of, b, to).unwrap_or(Maybe),
                };
            }
            (other, Type::Ref { name, .. }) if STANDARD.contains(&name.as_str()) => {
                return match other {
                    _ if other.is_primitive() => No,
                    Type::Array { .. } | Type::Tuple { .. } | Type::Function(_) => No,
                    _ => self.opened_both(a, of, b, to).unwrap_or(Maybe),
                };
            }
            _ => {}
        }
        self.opened_both(a, of, b, to).unwrap_or(Maybe)
    }

    fn opened_left(&mut self, a: &Type, of: &Side, b: &Type, to: &Side) -> Option<Answer> {
        let opened = open(a, of)?;
        self.within(a, b, |judge| judge.sub(&opened, of, b, to))
    }

    fn opened_both(&mut self, a: &Type, of: &Side, b: &Type, to: &Side) -> Option<Answer> {
        let (left, right) = (open(a, of), open(b, to));
        if left.is_none() && matches!(a, Type::Ref { .. }) || right.is_none() && matches!(b, Type::Ref { .. }) {
            return None;
        }
        self.within(a, b, |judge| judge.sub(left.as_ref().unwrap_or(a), of, right.as_ref().unwrap_or(b), to))
    }

    fn within(&mut self, a: &Type, b: &Type, ask: impl FnOnce(&mut Self) -> Answer) -> Option<Answer> {
        if self.open.iter().any(|(x, y)| x == a && y == b) {
            return Some(Yes);
        }
        self.open.push((a.clone(), b.clone()));
        let answer = ask(self);
        self.open.pop();
        Some(answer)
    }

    fn tuples(&mut self, from: &[Element], of: &Side, into: &[Element], to: &Side) -> Answer {
        if from.iter().chain(into).any(|element| element.rest) {
            return Maybe;
        }
        if from.len() > into.len() {
            return No;
        }
        let mut worst = Yes;
        for (number, wanted) in into.iter().enumerate() {
            let answer = match from.get(number) {
                None if wanted.optional => Yes,
                None => No,
                Some(offered) if offered.optional && !wanted.optional => No,
                Some(offered) => self.sub(&offered.node.ty, of, &wanted.node.ty, to),
            };
            worst = worst.min(answer);
        }
        worst
    }

    fn members(&mut self, from: &Members, of: &Side, into: &Members, to: &Side) -> Answer {
        let mut worst = Yes;
        for wanted in into.properties.iter().filter(|property| !property.fixed.of_class) {
            let offered =
                from.properties.iter().find(|property| property.name == wanted.name && !property.fixed.of_class);
            let answer = match offered {
                _ if wanted.visibility != Visibility::Public => Maybe,
                None if wanted.optional => Yes,
                None => No,
                Some(offered) if offered.visibility != Visibility::Public => No,
                Some(offered) if offered.optional && !wanted.optional => No,
                Some(offered) => self.sub(&offered.ty.ty, of, &wanted.ty.ty, to),
            };
            worst = worst.min(answer);
            if worst == No {
                return No;
            }
        }
        for wanted in &into.indexes {
            let answer = match from.indexes.iter().find(|index| index.key == wanted.key) {
                Some(offered) => self.sub(&offered.value.ty, of, &wanted.value.ty, to),
                None => self.all(from.properties.iter(), |judge, property| {
                    judge.sub(&property.ty.ty, of, &wanted.value.ty, to)
                }),
            };
            worst = worst.min(answer);
        }
        for (wanted, offered) in [(&into.calls, &from.calls), (&into.constructs, &from.constructs)] {
            worst = worst.min(self.all(wanted.iter(), |judge, wanted| {
                judge.any(offered.iter(), |judge, offered| judge.signature(offered, of, wanted, to))
            }));
        }
        worst
    }

    fn signature(&mut self, a: &Signature, of: &Side, b: &Signature, to: &Side) -> Answer {
        if a == b {
            return Yes;
        }
        if a.generics.len() != b.generics.len() {
            return Maybe;
        }
        let required = |signature: &Signature| signature.parameters.iter().filter(|each| !each.optional).count();
        if b.rest.is_none() && required(a) > b.parameters.len() {
            return No;
        }
        let mut worst = Yes;
        let element = |signature: &Signature| match signature.rest.as_ref().map(|rest| &rest.ty.ty) {
            Some(Type::Array { element, .. }) => Some(element.ty.clone()),
            Some(_) => Some(Type::Unwritten(String::new())),
            None => None,
        };
        let (rest_a, rest_b) = (element(a), element(b));
        for number in 0..a.parameters.len().max(b.parameters.len()) {
            let takes = a.parameters.get(number).map(|each| &each.ty.ty).or(rest_a.as_ref());
            let gets = b.parameters.get(number).map(|each| &each.ty.ty).or(rest_b.as_ref());
            if let (Some(takes), Some(gets)) = (takes, gets) {
                worst = worst.min(self.sub(gets, to, takes, of));
            }
        }
        if let (Some(takes), Some(gets)) = (&rest_a, &rest_b) {
            worst = worst.min(self.sub(gets, to, takes, of));
        }
        match b.result.ty {
            Type::Void => worst,
            _ => worst.min(self.sub(&a.result.ty, of, &b.result.ty, to)),
        }
    }
}

/// Members that arrays and strings have as well.
fn natural(members: &Members) -> bool {
    members.properties.iter().any(|property| matches!(property.ty.ty, Type::Function(_)) || property.name == "length")
}

/// The name without the file in front.
pub(super) fn short(id: &str) -> &str {
    id.rsplit_once('#').map_or(id, |(_, name)| name)
}

/// Enums are named, not structural: an enum's value is a value of its primitive, and nothing else is one of an enum.
fn enums(a: &Type, of: &Side, b: &Type, to: &Side) -> Option<Answer> {
    let declared = |ty: &Type, side: &Side| -> Option<(Vec<Type>, bool)> {
        let Type::Ref { name, .. } = ty else { return None };
        if let Some(Value::Enum(found)) = side.entity(name).and_then(|entity| entity.value.as_ref()) {
            let kinds = found.members.iter().map(|member| Type::Literal(member.value.clone()).widened());
            return Some((kinds.flatten().collect(), false));
        }
        let (owner, member) = name.rsplit_once('.')?;
        match side.entity(owner)?.value.as_ref()? {
            Value::Enum(found) => {
                let member = found.members.iter().find(|each| each.name == member)?;
                Some((Type::Literal(member.value.clone()).widened().into_iter().collect(), true))
            }
            _ => None,
        }
    };
    match (declared(a, of), declared(b, to)) {
        (Some((_, member)), Some((_, of_member))) => match (a, b) {
            (Type::Ref { name: x, .. }, Type::Ref { name: y, .. }) => {
                let owner = |id: &str, member: bool| match id.rsplit_once('.').filter(|_| member) {
                    Some((owner, _)) => owner.to_string(),
                    None => id.to_string(),
                };
                let (one, other) = (owner(x, member), owner(y, of_member));
                // One that now stands in another file is the same one.
                let moved = short(&one) == short(&other) && to.entity(&one).is_none() && of.entity(&other).is_none();
                let whole = !of_member || member && short(x) == short(y);
                Some(if member && !of_member && one == other || whole && moved { Yes } else { No })
            }
            _ => Some(Maybe),
        },
        (Some((kinds, _)), None) => Some(match b {
            Type::String | Type::Number => {
                if kinds.iter().all(|kind| kind == b) {
                    Yes
                } else {
                    No
                }
            }
            Type::Ref { .. } => return None,
            _ if b.is_primitive() || b.is_object_like() => No,
            _ => Maybe,
        }),
        (None, Some((kinds, _))) => Some(match a {
            // A number that is written in full may stand for a member of a numeric enum.
            Type::Literal(_) if kinds.contains(&Type::Number) => Maybe,
            Type::Number if kinds.contains(&Type::Number) => Maybe,
            Type::Ref { .. } => return None,
            _ if a.is_primitive() || a.is_object_like() => No,
            _ => Maybe,
        }),
        (None, None) => None,
    }
}

/// What a reference stands for, one step; `None` if that is not in the tree or not an alias, an interface or a class.
pub(super) fn open(ty: &Type, side: &Side) -> Option<Type> {
    let Type::Ref { name, args } = ty else { return None };
    let Some(entity) = side.entity(name) else { return utility(name, args, side) };
    Some(match (&entity.meaning, &entity.value) {
        (Some(Meaning::Alias { generics, node }), _) => substitute(&node.ty, generics, args, side)?,
        (Some(Meaning::Interface { generics, .. }), _) => {
            substitute(&Type::Object(interface_members(entity, side, 0)?), generics, args, side)?
        }
        (None, Some(Value::Class(class))) => {
            substitute(&Type::Object(class_members(class, side, 0)?), &class.generics, args, side)?
        }
        _ => return None,
    })
}

/// An interface with what it inherits; `None` if a parent is not known.
pub(super) fn interface_members(entity: &Entity, side: &Side, depth: usize) -> Option<Members> {
    let Some(Meaning::Interface { parents, members, .. }) = &entity.meaning else { return None };
    side.spend(weigh_members(members))?;
    let mut all = members.clone();
    for parent in parents {
        inherit(&mut all, parent, side, depth)?;
    }
    Some(all)
}

/// A class's instances with what they inherit; `None` if a parent is not known.
pub(super) fn class_members(class: &Class, side: &Side, depth: usize) -> Option<Members> {
    side.spend(weigh_members(&class.members))?;
    let mut all = class.members.clone();
    if let Some(parent) = &class.parent {
        inherit(&mut all, parent, side, depth)?;
    }
    Some(all)
}

fn inherit(all: &mut Members, parent: &Node, side: &Side, depth: usize) -> Option<()> {
    if depth > MOST_DEPTH {
        return None;
    }
    let Type::Ref { name, args } = &parent.ty else { return None };
    let inherited = match side.entity(name) {
        Some(entity) => match (&entity.meaning, &entity.value) {
            (Some(Meaning::Interface { generics, .. }), _) => {
                substitute(&Type::Object(interface_members(entity, side, depth + 1)?), generics, args, side)?
            }
            (None, Some(Value::Class(class))) => {
                substitute(&Type::Object(class_members(class, side, depth + 1)?), &class.generics, args, side)?
            }
            (Some(Meaning::Alias { generics, node }), _) => match substitute(&node.ty, generics, args, side)? {
                Type::Ref { name, args } => {
                    let inner = Node { at: node.at, ty: Type::Ref { name, args } };
                    return inherit(all, &inner, side, depth + 1);
                }
                other => other,
            },
            _ => return None,
        },
        None => utility(name, args, side)?,
    };
    let Type::Object(inherited) = inherited else { return None };
    for property in inherited.properties {
        let same = |mine: &Property| mine.name == property.name && mine.fixed.of_class == property.fixed.of_class;
        if !all.properties.iter().any(same) {
            all.properties.push(property);
        }
    }
    all.calls.extend(inherited.calls);
    all.constructs.extend(inherited.constructs);
    all.indexes.extend(inherited.indexes);
    Some(())
}

/// An intersection of objects is one object.
pub(super) fn merged(nodes: &[Node], side: &Side) -> Option<Members> {
    let mut all = Members::default();
    for node in nodes {
        let opened = objects(&node.ty, side, 0)?;
        for property in opened.properties {
            match all.properties.iter_mut().find(|mine| mine.name == property.name) {
                Some(mine) if mine.ty == property.ty => mine.optional &= property.optional,
                Some(_) => return None,
                None => all.properties.push(property),
            }
        }
        all.calls.extend(opened.calls);
        all.constructs.extend(opened.constructs);
        all.indexes.extend(opened.indexes);
    }
    Some(all)
}

/// The members of what is an object in the end.
pub(super) fn objects(ty: &Type, side: &Side, depth: usize) -> Option<Members> {
    if depth > MOST_DEPTH {
        return None;
    }
    match ty {
        Type::Object(members) => {
            side.spend(weigh_members(members))?;
            Some(members.clone())
        }
        Type::Ref { .. } => objects(&open(ty, side)?, side, depth + 1),
        Type::Intersection(nodes) if depth < 8 => merged(nodes, side),
        _ => None,
    }
}

/// The standard library's helpers, where their arguments are written out.
/// <https://www.typescriptlang.org/docs/handbook/utility-types.html>
fn utility(name: &str, args: &[Node], side: &Side) -> Option<Type> {
    let first = args.first()?;
    let each = |change: &dyn Fn(&mut Property)| -> Option<Type> {
        let mut members = objects(&first.ty, side, 1)?;
        members.properties.iter_mut().for_each(change);
        Some(Type::Object(members))
    };
    let keys = |ty: &Type| -> Option<Vec<String>> {
        let branches = ty.branches().into_iter().map(|branch| match branch {
            Type::Literal(text) => Some(serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone())),
            _ => None,
        });
        branches.collect()
    };
    match (name, args) {
        ("Partial", [_]) => each(&|property| property.optional = true),
        ("Required", [_]) => each(&|property| property.optional = false),
        ("Readonly", [_]) => each(&|property| property.readonly = true),
        ("Pick" | "Omit", [_, wanted]) => {
            let wanted = match &wanted.ty {
                Type::Ref { .. } => keys(&open(&wanted.ty, side)?)?,
                other => keys(other)?,
            };
            let mut members = objects(&first.ty, side, 1)?;
            members.properties.retain(|property| wanted.contains(&property.name) == (name == "Pick"));
            Some(Type::Object(members))
        }
        ("Record", [key, value]) => {
            let named = match &key.ty {
                Type::Ref { .. } => keys(&open(&key.ty, side)?),
                other => keys(other),
            };
            match named {
                Some(names) => {
                    let properties = names.into_iter().map(|name| Property {
                        name,
                        at: key.at,
                        optional: false,
                        readonly: false,
                        visibility: Visibility::Public,
                        fixed: Fixed { of_class: false, is_abstract: false },
                        ty: value.clone(),
                    });
                    Some(Type::Object(Members { properties: properties.collect(), ..Members::default() }))
                }
                None => {
                    let index =
                        super::shape::Index { at: key.at, key: key.clone(), value: value.clone(), readonly: false };
                    Some(Type::Object(Members { indexes: vec![index], ..Members::default() }))
                }
            }
        }
        ("NonNullable", [_]) => {
            let kept = first.ty.branches().into_iter().filter(|branch| !matches!(branch, Type::Null | Type::Undefined));
            let nodes: Vec<Node> = kept.map(|ty| Node { at: first.at, ty: ty.clone() }).collect();
            match nodes.len() {
                1 => nodes.into_iter().next().map(|node| node.ty),
                _ => Some(Type::Union(nodes)),
            }
        }
        _ => None,
    }
}

/// A declaration's type with arguments in place of its parameters; `None` if that gets too large.
fn substitute(ty: &Type, generics: &[Generic], args: &[Node], side: &Side) -> Option<Type> {
    side.spend(weigh(ty))?;
    if generics.is_empty() {
        return Some(ty.clone());
    }
    let with = generics.iter().enumerate().map(|(number, generic)| match (args.get(number), &generic.default) {
        (Some(arg), _) => arg.ty.clone(),
        (None, Some(default)) => default.ty.clone(),
        (None, None) => Type::Unwritten(generic.name.0.clone()),
    });
    let with: Vec<(Type, u64)> = with
        .map(|ty| {
            let weight = weigh(&ty);
            (ty, weight)
        })
        .collect();
    if with.iter().any(|(_, weight)| *weight > MOST_WEIGHT) {
        return None;
    }
    let mut made = ty.clone();
    let mut fits = Some(());
    every(&mut made, &mut |ty| {
        if let Type::Parameter(number, _) = ty
            && let Some((arg, weight)) = with.get(*number)
        {
            fits = fits.and_then(|()| side.spend(*weight));
            if fits.is_some() {
                *ty = arg.clone();
            }
            return false;
        }
        true
    });
    fits.map(|()| made)
}

/// Calls `look` on a type and, where it says so, on all within.
fn every(ty: &mut Type, look: &mut dyn FnMut(&mut Type) -> bool) {
    if !look(ty) {
        return;
    }
    match ty {
        Type::Ref { args, .. } => args.iter_mut().for_each(|arg| every(&mut arg.ty, look)),
        Type::Array { element, .. } => every(&mut element.ty, look),
        Type::Tuple { elements, .. } => elements.iter_mut().for_each(|element| every(&mut element.node.ty, look)),
        Type::Union(nodes) | Type::Intersection(nodes) => nodes.iter_mut().for_each(|node| every(&mut node.ty, look)),
        Type::Object(members) => {
            members.properties.iter_mut().for_each(|property| every(&mut property.ty.ty, look));
            members.calls.iter_mut().chain(&mut members.constructs).for_each(|call| every_in_signature(call, look));
            members.indexes.iter_mut().for_each(|index| every(&mut index.value.ty, look));
        }
        Type::Function(signatures) | Type::Constructor(signatures) => {
            signatures.iter_mut().for_each(|signature| every_in_signature(signature, look));
        }
        _ => {}
    }
}

fn every_in_signature(signature: &mut Signature, look: &mut dyn FnMut(&mut Type) -> bool) {
    let generics = signature.generics.iter_mut();
    generics.for_each(|generic| generic.constraint.iter_mut().for_each(|node| every(&mut node.ty, look)));
    signature.this.iter_mut().for_each(|this| every(&mut this.ty, look));
    signature.parameters.iter_mut().for_each(|parameter| every(&mut parameter.ty.ty, look));
    signature.rest.iter_mut().for_each(|rest| every(&mut rest.ty.ty, look));
    every(&mut signature.result.ty, look);
}

/// How many types a type is made of.
fn weigh(ty: &Type) -> u64 {
    1 + match ty {
        Type::Ref { args, .. } => args.iter().map(|arg| weigh(&arg.ty)).sum(),
        Type::Array { element, .. } => weigh(&element.ty),
        Type::Tuple { elements, .. } => elements.iter().map(|element| weigh(&element.node.ty)).sum(),
        Type::Union(nodes) | Type::Intersection(nodes) => nodes.iter().map(|node| weigh(&node.ty)).sum(),
        Type::Object(members) => weigh_members(members),
        Type::Function(signatures) | Type::Constructor(signatures) => signatures.iter().map(weigh_signature).sum(),
        _ => 0,
    }
}

fn weigh_members(members: &Members) -> u64 {
    let properties: u64 = members.properties.iter().map(|property| weigh(&property.ty.ty)).sum();
    let calls: u64 = members.calls.iter().chain(&members.constructs).map(weigh_signature).sum();
    let indexes: u64 = members.indexes.iter().map(|index| weigh(&index.value.ty)).sum();
    1 + properties + calls + indexes
}

fn weigh_signature(signature: &Signature) -> u64 {
    let parameters: u64 = signature.parameters.iter().map(|parameter| weigh(&parameter.ty.ty)).sum();
    1 + parameters + weigh(&signature.result.ty)
}
