//! Two shapes side by side: where they part, and who notices.
//!
//! A value flows. Who reads it breaks when it may now be something else, who supplies it when less is taken than
//! before. [`Flow`] says how bad either is at the place that is looked at; it turns around at every parameter.

mod classes;
mod members;

use std::collections::{BTreeMap, BTreeSet};

use super::assign::{self, Answer, assignable, callable, short};
use super::flows::names_of;
use super::modules::Side;
use super::shape::{
    At, Element, Entity, Generic, Meaning, Node, Parameter, Signature, Type, Value, show, show_signature,
};
use crate::contracts::Impact;

/// How bad it is when those who read, and those who supply, meet something they cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) read: Impact,
    pub(super) supply: Impact,
}

impl Flow {
    pub(super) const READ: Self = Self { read: Impact::Breaking, supply: Impact::Compatible };
    pub(super) const BOTH: Self = Self { read: Impact::Breaking, supply: Impact::Breaking };

    pub(super) fn turned(self) -> Self {
        Self { read: self.supply, supply: self.read }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { read: self.read.max(other.read), supply: self.supply.max(other.supply) }
    }

    fn worst(self) -> Impact {
        self.read.max(self.supply)
    }
}

/// What stands at the place that is compared: the first word of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    Type,
    Value,
    Property,
    Parameter,
    Return,
    Index,
}

impl Spot {
    fn rules(self) -> [&'static str; 3] {
        match self {
            Self::Type => ["type-narrowed", "type-widened", "type-changed"],
            Self::Value => ["value-type-narrowed", "value-type-widened", "value-type-changed"],
            Self::Property => ["property-type-narrowed", "property-type-widened", "property-type-changed"],
            Self::Parameter => ["parameter-type-narrowed", "parameter-type-widened", "parameter-type-changed"],
            Self::Return => ["return-type-narrowed", "return-type-widened", "return-type-changed"],
            Self::Index => ["index-signature-narrowed", "index-signature-widened", "index-signature-changed"],
        }
    }
}

/// One thing that was found, before it has a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) rule: &'static str,
    pub(super) impact: Impact,
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) base: Option<At>,
    pub(super) revision: Option<At>,
}

/// The comparison of one pair of declarations.
pub(super) struct Comparison<'a> {
    pub(super) base: &'a Side,
    pub(super) revision: &'a Side,
    pub(super) found: Vec<Found>,
    /// Pairs of declarations that the types at hand refer to, to be compared next.
    pub(super) next: BTreeSet<(String, String)>,
    depth: usize,
}

/// The deepest two types are walked side by side.
const MOST_DEPTH: usize = 80;

/// The most that is said about one declaration; a few hundred tell the story.
const MOST_FOUND: usize = 2_000;

/// The two places at which something stands.
type Sites = (At, At);

impl<'a> Comparison<'a> {
    pub(super) fn new(base: &'a Side, revision: &'a Side) -> Self {
        Self { base, revision, found: Vec::new(), next: BTreeSet::new(), depth: 0 }
    }

    #[expect(clippy::too_many_arguments, reason = "what a finding is made of, once")]
    fn say(
        &mut self,
        rule: &'static str,
        impact: Impact,
        subject: &str,
        message: String,
        before: Option<String>,
        after: Option<String>,
        (base, revision): (Option<At>, Option<At>),
    ) {
        if self.found.len() == MOST_FOUND {
            let message = format!("`{subject}` is one of more than {MOST_FOUND} changes: the rest is not listed");
            let rule = "type-not-judged";
            let (impact, subject) = (Impact::Dangerous, subject.to_string());
            self.found.push(Found { rule, impact, subject, message, before: None, after: None, base, revision });
        } else if self.found.len() < MOST_FOUND {
            let subject = subject.to_string();
            self.found.push(Found { rule, impact, subject, message, before, after, base, revision });
        }
    }

    /// A finding about something that both sides have.
    fn differs(&mut self, rule: &'static str, impact: Impact, subject: &str, was: String, is: String, (b, h): Sites) {
        let message = format!("`{subject}` was `{was}`, is `{is}`");
        self.say(rule, impact, subject, message, Some(was), Some(is), (Some(b), Some(h)));
    }

    /// Notes what both sides refer to by the same name, wherever in the declaration that is.
    pub(super) fn follow_entities(&mut self, base: &Entity, revision: &Entity) {
        let all = names_of(revision);
        let exact: BTreeSet<&str> = all.iter().copied().collect();
        let after: BTreeMap<&str, &str> = all.into_iter().map(|id| (short(id), id)).collect();
        for x in names_of(base) {
            let Some(y) = exact.get(x).or_else(|| after.get(short(x))) else { continue };
            if self.base.entity(x).is_some() && self.revision.entity(y).is_some() {
                self.next.insert((x.to_string(), (*y).to_string()));
            }
        }
    }

    /// Everything that a name means, on both sides.
    pub(super) fn entities(&mut self, name: &str, base: &Entity, revision: &Entity, flow: Flow) {
        let sites = (base.at, revision.at);
        let all = (Some(base.at), Some(revision.at));
        let lost_value = base.value.is_some() && revision.value.is_none();
        let is_type = |entity: &Entity| {
            entity.meaning.is_some() || matches!(entity.value, Some(Value::Class(_) | Value::Enum(_)))
        };
        if lost_value {
            let (was, is) = (kind(base), kind(revision));
            let message = format!("`{name}` was a {was}, is only a type ({is}): it cannot be used as a value any more");
            self.say("export-lost-value", Impact::Breaking, name, message, Some(was.into()), Some(is.into()), all);
        }
        if is_type(base) && !is_type(revision) {
            let (was, is) = (kind(base), kind(revision));
            let message = format!("`{name}` was a {was}, is a {is}: it cannot be used as a type any more");
            self.say("export-lost-type", Impact::Breaking, name, message, Some(was.into()), Some(is.into()), all);
        }
        match (&base.value, &revision.value) {
            (Some(b), Some(h)) => self.values(name, b, h, flow, sites),
            _ => {
                if let (Some(b), Some(h)) = (instance(base, self.base), instance(revision, self.revision)) {
                    self.meanings(name, base, revision, (&b, &h), flow, sites);
                }
            }
        }
        if base.value.is_some()
            && revision.value.is_some()
            && base.meaning.is_some()
            && revision.meaning.is_some()
            && let (Some(b), Some(h)) = (instance(base, self.base), instance(revision, self.revision))
        {
            self.meanings(name, base, revision, (&b, &h), flow, sites);
        }
    }

    fn values(&mut self, name: &str, base: &Value, revision: &Value, flow: Flow, sites: Sites) {
        match (base, revision) {
            (Value::Variable { ty: b, constant: true }, Value::Variable { ty: h, constant: true })
                if matches!((&b.ty, &h.ty), (Type::Literal(_), Type::Literal(_))) =>
            {
                if b != h {
                    self.differs("constant-changed", Impact::Dangerous, name, show(&b.ty), show(&h.ty), (b.at, h.at));
                }
            }
            (Value::Variable { ty: b, .. }, Value::Variable { ty: h, .. }) => {
                self.nodes(name, b, h, Flow::READ, Spot::Value);
            }
            (Value::Function(b), Value::Function(h)) => self.overloads(name, b, h, Flow::READ, sites),
            (Value::Variable { ty, .. }, Value::Function(h)) => {
                let h = Node { at: sites.1, ty: Type::Function(h.clone()) };
                self.nodes(name, ty, &h, Flow::READ, Spot::Value);
            }
            (Value::Function(b), Value::Variable { ty, .. }) => {
                let b = Node { at: sites.0, ty: Type::Function(b.clone()) };
                self.nodes(name, &b, ty, Flow::READ, Spot::Value);
            }
            (Value::Class(b), Value::Class(h)) => self.classes(name, b, h, flow, sites),
            (Value::Enum(b), Value::Enum(h)) => self.enums(name, b, h, flow, sites),
            // That it is no type any more has been said.
            (Value::Class(_) | Value::Enum(_), Value::Function(_) | Value::Variable { .. }) => {}
            (b, h) => {
                let (was, is) = (value_kind(b).to_string(), value_kind(h).to_string());
                let message = format!("`{name}` was a {was}, is a {is}");
                let at = (Some(sites.0), Some(sites.1));
                self.say("export-kind-changed", Impact::Breaking, name, message, Some(was), Some(is), at);
            }
        }
    }

    fn meanings(
        &mut self,
        name: &str,
        base: &Entity,
        revision: &Entity,
        (b, h): (&Node, &Node),
        flow: Flow,
        sites: Sites,
    ) {
        self.generics(name, generics_of(base), generics_of(revision), true, sites);
        if let (
            Some(Meaning::Interface { parents: was, members: mine, .. }),
            Some(Meaning::Interface { parents: is, members: yours, .. }),
        ) = (&base.meaning, &revision.meaning)
        {
            let whole =
                (assign::interface_members(base, self.base, 0), assign::interface_members(revision, self.revision, 0));
            if same_parents(was, is) {
                self.pair_parents(was, is);
                return self.members(name, mine, yours, flow, sites);
            }
            match whole {
                (Some(b), Some(h)) => return self.members(name, &b, &h, flow, sites),
                _ => {
                    self.heritage("interface-parents-changed", name, was, is, sites);
                    return self.members(name, mine, yours, flow, sites);
                }
            }
        }
        self.nodes(name, b, h, flow, Spot::Type);
    }

    fn pair_parents(&mut self, was: &[Node], is: &[Node]) {
        for (b, h) in was.iter().zip(is) {
            self.follow(&b.ty, &h.ty);
        }
    }

    fn heritage(&mut self, rule: &'static str, name: &str, was: &[Node], is: &[Node], sites: Sites) {
        let list = |parents: &[Node]| match parents.len() {
            0 => "nothing".to_string(),
            _ => parents.iter().map(|parent| show(&parent.ty)).collect::<Vec<_>>().join(", "),
        };
        let (was, is) = (list(was), list(is));
        let message =
            format!("`{name}` extended {was}, extends {is}: what it inherits is not in the tree and not judged");
        self.say(rule, Impact::Dangerous, name, message, Some(was), Some(is), (Some(sites.0), Some(sites.1)));
    }

    fn generics(&mut self, name: &str, base: &[Generic], revision: &[Generic], explicit: bool, sites: Sites) {
        for (number, b) in base.iter().enumerate() {
            let subject = format!("{name}<{}>", b.name.0);
            let Some(h) = revision.get(number) else {
                let message = format!("`{name}` lost its type parameter `{}`", b.name.0);
                let at = (Some(b.at), Some(sites.1));
                self.say(
                    "type-parameter-removed",
                    Impact::Breaking,
                    &subject,
                    message,
                    Some(b.name.0.clone()),
                    None,
                    at,
                );
                continue;
            };
            let at = (b.at, h.at);
            match (&b.constraint, &h.constraint) {
                (None, Some(after)) if !matches!(after.ty, Type::Unknown | Type::Any) => {
                    let is = show(&after.ty);
                    let rule = "type-parameter-constraint-narrowed";
                    self.differs(rule, Impact::Breaking, &subject, "any type".into(), format!("extends {is}"), at);
                }
                (Some(before), None) => {
                    let was = show(&before.ty);
                    let rule = "type-parameter-constraint-widened";
                    self.differs(rule, Impact::Compatible, &subject, format!("extends {was}"), "any type".into(), at);
                }
                (Some(before), Some(after)) if before != after => {
                    let (rule, impact) = match assignable(&before.ty, self.base, &after.ty, self.revision) {
                        Answer::Yes => ("type-parameter-constraint-widened", Impact::Compatible),
                        Answer::No => ("type-parameter-constraint-narrowed", Impact::Breaking),
                        Answer::Maybe => ("type-not-judged", Impact::Dangerous),
                    };
                    if assignable(&after.ty, self.revision, &before.ty, self.base) != Answer::Yes
                        || impact != Impact::Compatible
                    {
                        self.differs(rule, impact, &subject, show(&before.ty), show(&after.ty), at);
                    }
                }
                (Some(before), Some(after)) => self.follow(&before.ty, &after.ty),
                _ => {}
            }
            match (&b.default, &h.default) {
                (Some(before), None) if explicit => {
                    let was = show(&before.ty);
                    let rule = "type-parameter-default-removed";
                    self.differs(rule, Impact::Breaking, &subject, format!("= {was}"), "no default".into(), at);
                }
                (Some(before), Some(after)) if before != after => {
                    let (was, is) = (show(&before.ty), show(&after.ty));
                    let rule = "type-parameter-default-changed";
                    self.differs(rule, Impact::Dangerous, &subject, format!("= {was}"), format!("= {is}"), at);
                }
                _ => {}
            }
        }
        for h in revision.iter().skip(base.len()) {
            let subject = format!("{name}<{}>", h.name.0);
            // Where the compiler infers arguments, only those who wrote all of them down notice one more.
            let required = h.default.is_none() && (explicit || !base.is_empty());
            let (rule, impact) = match required {
                true => ("type-parameter-required-added", Impact::Breaking),
                false => ("type-parameter-added", Impact::Compatible),
            };
            let message = match required {
                true => format!("`{name}` has a new type parameter `{}` without a default", h.name.0),
                false => format!("`{name}` has a new type parameter `{}`", h.name.0),
            };
            self.say(rule, impact, &subject, message, None, Some(h.name.0.clone()), (Some(sites.0), Some(h.at)));
        }
    }

    /// Two types at one place.
    fn nodes(&mut self, subject: &str, b: &Node, h: &Node, flow: Flow, spot: Spot) {
        if self.depth >= MOST_DEPTH {
            return;
        }
        self.depth += 1;
        self.types(subject, b, h, flow, spot);
        self.depth -= 1;
    }

    fn types(&mut self, subject: &str, b: &Node, h: &Node, flow: Flow, spot: Spot) {
        if b == h {
            return self.follow(&b.ty, &h.ty);
        }
        let sites = (b.at, h.at);
        match (&b.ty, &h.ty) {
            (Type::Unwritten(_), _) | (_, Type::Unwritten(_)) => {
                let message = format!(
                    "the type of `{subject}` is not written down on {} and its text changed: it is not judged",
                    match (&b.ty, &h.ty) {
                        (Type::Unwritten(_), Type::Unwritten(_)) => "either side",
                        (Type::Unwritten(_), _) => "the base",
                        _ => "the revision",
                    }
                );
                let at = (Some(b.at), Some(h.at));
                self.say("export-not-judged", Impact::Dangerous, subject, message, None, None, at);
            }
            (Type::Function(was), Type::Function(is)) => self.overloads(subject, was, is, flow, sites),
            (Type::Constructor(was), Type::Constructor(is)) => self.overloads(subject, was, is, flow, sites),
            (Type::Object(was), Type::Object(is)) => self.members(subject, was, is, flow, sites),
            (Type::Array { element: was, readonly: x }, Type::Array { element: is, readonly: y }) => {
                self.array_readonly(subject, b, h, (*x, *y), flow);
                self.nodes(&format!("{subject}[]"), was, is, flow, spot);
            }
            (Type::Tuple { elements: was, readonly: x }, Type::Tuple { elements: is, readonly: y }) => {
                self.array_readonly(subject, b, h, (*x, *y), flow);
                self.tuples(subject, (was, is), (b, h), flow, spot);
            }
            (Type::Ref { name: x, args: was }, Type::Ref { name: y, args: is })
                if was.len() == is.len() && self.same_reference(x, y) =>
            {
                if !x.contains('#') {
                    for (was, is) in was.iter().zip(is) {
                        self.nodes(subject, was, is, flow, spot);
                    }
                } else if was == is || self.base.entity(x).is_none() {
                    self.follow(&b.ty, &h.ty);
                    if was != is {
                        self.by_inclusion(subject, b, h, flow, spot);
                    }
                } else {
                    self.by_inclusion(subject, b, h, flow, spot);
                }
            }
            (Type::Opaque { .. }, _) | (_, Type::Opaque { .. }) => self.by_inclusion(subject, b, h, flow, spot),
            (Type::Union(_) | Type::Boolean, _) | (_, Type::Union(_) | Type::Boolean) => {
                self.unions(subject, b, h, flow, spot);
            }
            _ => self.opened(subject, b, h, flow, spot),
        }
    }

    fn same_reference(&self, x: &str, y: &str) -> bool {
        x == y || (self.base.entity(x).is_some() && self.revision.entity(y).is_some() && short(x) == short(y))
    }

    /// What one side names and the other writes out may still be member for member the same.
    fn opened(&mut self, subject: &str, b: &Node, h: &Node, flow: Flow, spot: Spot) {
        if spot != Spot::Return
            && promise(&h.ty).is_none()
            && let (Some(was), Some(is)) =
                (assign::objects(&b.ty, self.base, 0), assign::objects(&h.ty, self.revision, 0))
        {
            return self.members(subject, &was, &is, flow, (b.at, h.at));
        }
        self.by_inclusion(subject, b, h, flow, spot);
    }

    fn by_inclusion(&mut self, subject: &str, b: &Node, h: &Node, flow: Flow, spot: Spot) {
        let [narrowed, widened, changed] = spot.rules();
        let (was, is) = (show(&b.ty), show(&h.ty));
        let at = (b.at, h.at);
        if spot == Spot::Return && promise(&h.ty).is_some() && promise(&b.ty).is_none() && !has_promise(&b.ty) {
            return self.differs("function-became-async", flow.worst(), subject, was, is, at);
        }
        // A result that nobody could use is nobody's loss.
        if spot == Spot::Return && matches!(b.ty, Type::Void) && promise(&h.ty).is_none() {
            return self.differs(narrowed, Impact::Compatible, subject, was, is, at);
        }
        if let (Type::Opaque { text: x, .. }, Type::Opaque { text: y, .. }) = (&b.ty, &h.ty)
            && predicate(x).is_some()
            && predicate(y).is_some()
        {
            return self.differs("type-predicate-changed", flow.worst(), subject, was, is, at);
        }
        if let Type::Opaque { text, .. } = &b.ty
            && predicate(text).is_some()
            && matches!(h.ty, Type::Boolean | Type::Void)
        {
            return self.differs("type-predicate-removed", flow.read, subject, was, is, at);
        }
        let reads = assignable(&h.ty, self.revision, &b.ty, self.base);
        let supplies = assignable(&b.ty, self.base, &h.ty, self.revision);
        let judged = |answer: Answer, impact: Impact| match answer {
            Answer::Yes => Impact::Compatible,
            Answer::No => impact,
            Answer::Maybe => impact.min(Impact::Dangerous),
        };
        let impact = judged(reads, flow.read).max(judged(supplies, flow.supply));
        match (reads, supplies) {
            (Answer::Yes, Answer::Yes) => {}
            (Answer::Yes, Answer::No) => self.differs(narrowed, flow.supply, subject, was, is, at),
            (Answer::No, Answer::Yes) => self.differs(widened, flow.read, subject, was, is, at),
            (Answer::No, Answer::No) => self.differs(changed, flow.worst(), subject, was, is, at),
            (Answer::No, Answer::Maybe) | (Answer::Maybe, Answer::No) if impact == Impact::Breaking => {
                self.differs(changed, impact, subject, was, is, at);
            }
            _ => {
                let message =
                    format!("`{subject}` was `{was}`, is `{is}`: only a type checker can tell what that means");
                let at = (Some(at.0), Some(at.1));
                self.say("type-not-judged", Impact::Dangerous, subject, message, Some(was), Some(is), at);
            }
        }
    }

    fn array_readonly(&mut self, subject: &str, b: &Node, h: &Node, (was, is): (bool, bool), flow: Flow) {
        let rule_impact = match (was, is) {
            (false, true) => ("array-became-readonly", flow.read),
            (true, false) => ("array-became-mutable", flow.supply),
            _ => return,
        };
        self.differs(rule_impact.0, rule_impact.1, subject, show(&b.ty), show(&h.ty), (b.at, h.at));
    }

    fn unions(&mut self, subject: &str, b: &Node, h: &Node, flow: Flow, spot: Spot) {
        let (was, is) = (b.ty.branches(), h.ty.branches());
        let left: Vec<&Type> = was.iter().copied().filter(|branch| !is.contains(branch)).collect();
        let right: Vec<&Type> = is.iter().copied().filter(|branch| !was.contains(branch)).collect();
        if left.is_empty() && right.is_empty() {
            return self.follow_branches(&was, &is);
        }
        if promise(&b.ty).is_none() && promise(&h.ty).is_some() && spot == Spot::Return {
            return self.by_inclusion(subject, b, h, flow, spot);
        }
        let nothing = |branch: &&&Type| matches!(branch, Type::Null | Type::Undefined);
        let at = (b.at, h.at);
        let (shown_b, shown_h) = (show(&b.ty), show(&h.ty));
        if left.is_empty() && right.iter().all(|branch| nothing(&branch)) {
            self.follow_branches(&was, &is);
            return self.differs("type-became-nullable", flow.read, subject, shown_b, shown_h, at);
        }
        if right.is_empty() && left.iter().all(|branch| nothing(&branch)) {
            self.follow_branches(&was, &is);
            return self.differs("type-lost-null", flow.supply, subject, shown_b, shown_h, at);
        }
        // One branch for one other: the difference is inside of it.
        if let ([x], [y]) = (left.as_slice(), right.as_slice())
            && x.is_object_like()
            && y.is_object_like()
        {
            let (x, y) = (Node { at: b.at, ty: (*x).clone() }, Node { at: h.at, ty: (*y).clone() });
            return self.nodes(subject, &x, &y, flow, spot);
        }
        let both_unions = was.len() > 1 && is.len() > 1;
        let lost: Vec<(&Type, Answer)> =
            left.iter().map(|branch| (*branch, assignable(branch, self.base, &h.ty, self.revision))).collect();
        let gained: Vec<(&Type, Answer)> =
            right.iter().map(|branch| (*branch, assignable(branch, self.revision, &b.ty, self.base))).collect();
        let clear = |answers: &[(&Type, Answer)]| answers.iter().all(|(_, answer)| *answer != Answer::Maybe);
        let no = |answers: &[(&Type, Answer)]| {
            let shown: Vec<String> =
                answers.iter().filter(|(_, answer)| *answer == Answer::No).map(|(ty, _)| show(ty)).collect();
            shown
        };
        let (removed, added) = (no(&lost), no(&gained));
        // `"a" | "b"` to `string` is no new member: it is another type.
        let members = |answers: &[(&Type, Answer)]| {
            answers.iter().all(|(ty, answer)| *answer != Answer::No || !swallows(ty, &b.ty, &h.ty))
        };
        if !clear(&lost)
            || !clear(&gained)
            || !both_unions && spot != Spot::Type && was.len() + is.len() < 3
            || !members(&lost)
            || !members(&gained)
            || (!removed.is_empty() && removed.len() == was.len())
        {
            return self.by_inclusion(subject, b, h, flow, spot);
        }
        self.follow_branches(&was, &is);
        let at = (Some(b.at), Some(h.at));
        if !removed.is_empty() {
            let message = format!("`{subject}` no longer includes {}", quoted(&removed));
            let (was, is) = (Some(shown_b.clone()), Some(shown_h.clone()));
            self.say("union-member-removed", flow.supply, subject, message, was, is, at);
        }
        if !added.is_empty() {
            let message = format!("`{subject}` can now be {}", quoted(&added));
            self.say("union-member-added", flow.read, subject, message, Some(shown_b), Some(shown_h), at);
        }
    }

    fn tuples(
        &mut self,
        subject: &str,
        (was, is): (&[Element], &[Element]),
        (b, h): (&Node, &Node),
        flow: Flow,
        spot: Spot,
    ) {
        let at = (b.at, h.at);
        for (number, (was, is)) in was.iter().zip(is).enumerate() {
            let each = format!("{subject}[{number}]");
            if was.rest != is.rest {
                return self.by_inclusion(subject, b, h, flow, spot);
            }
            match (was.optional, is.optional) {
                (false, true) => {
                    let message = format!("`{each}` was required, is optional");
                    let at = (Some(was.node.at), Some(is.node.at));
                    self.say("tuple-element-became-optional", flow.read, &each, message, None, None, at);
                }
                (true, false) => {
                    let message = format!("`{each}` was optional, is required");
                    let at = (Some(was.node.at), Some(is.node.at));
                    self.say("tuple-element-became-required", flow.supply, &each, message, None, None, at);
                }
                _ => {}
            }
            self.nodes(&each, &was.node, &is.node, flow, spot);
        }
        let (x, y) = (show(&b.ty), show(&h.ty));
        if was.len() < is.len() {
            self.differs("tuple-element-added", flow.worst(), subject, x, y, at);
        } else if was.len() > is.len() {
            self.differs("tuple-element-removed", flow.worst(), subject, x, y, at);
        }
    }

    fn overloads(&mut self, subject: &str, was: &[Signature], is: &[Signature], flow: Flow, sites: Sites) {
        if let ([b], [h]) = (was, is) {
            return self.signatures(subject, b, h, flow);
        }
        let left: Vec<&Signature> = was.iter().filter(|signature| !is.contains(signature)).collect();
        let right: Vec<&Signature> = is.iter().filter(|signature| !was.contains(signature)).collect();
        for signature in was {
            if let Some(same) = is.iter().find(|other| *other == signature) {
                self.follow_signatures(signature, same);
            }
        }
        if left.is_empty() && right.is_empty() {
            if was != is {
                let message = format!("the overloads of `{subject}` changed their order: the first that fits is taken");
                let at = (Some(sites.0), Some(sites.1));
                self.say("overloads-reordered", Impact::Dangerous, subject, message, None, None, at);
            }
            return;
        }
        if let ([b], [h]) = (left.as_slice(), right.as_slice()) {
            return self.signatures(subject, b, h, flow);
        }
        for b in left {
            let best = is.iter().map(|h| callable(h, self.revision, b, self.base)).max().unwrap_or(Answer::No);
            let shown = show_signature(b);
            let impact = match best {
                Answer::Yes => continue,
                Answer::No => flow.worst(),
                Answer::Maybe => flow.worst().min(Impact::Dangerous),
            };
            let message = format!("`{subject}` can no longer be called as `{shown}`");
            let at = (Some(b.at), Some(sites.1));
            self.say("overload-removed", impact, subject, message, Some(shown), None, at);
        }
        for h in right {
            if was.iter().any(|b| callable(b, self.base, h, self.revision) == Answer::Yes) {
                continue;
            }
            let shown = show_signature(h);
            let message = format!("`{subject}` can also be called as `{shown}`");
            let at = (Some(sites.0), Some(h.at));
            self.say("overload-added", flow.supply, subject, message, None, Some(shown), at);
        }
    }

    fn signatures(&mut self, subject: &str, b: &Signature, h: &Signature, flow: Flow) {
        if b == h {
            return self.follow_signatures(b, h);
        }
        self.generics(subject, &b.generics, &h.generics, false, (b.at, h.at));
        let takes = flow.turned();
        let this = |signature: &Signature| signature.this.as_deref().cloned();
        match (this(b), this(h)) {
            (None, Some(is)) if !matches!(is.ty, Type::Void | Type::Unknown | Type::Any) => {
                let is_shown = show(&is.ty);
                self.differs(
                    "this-parameter-changed",
                    flow.worst(),
                    subject,
                    "any this".into(),
                    is_shown,
                    (b.at, is.at),
                );
            }
            (Some(was), Some(is)) if assignable(&was.ty, self.base, &is.ty, self.revision) != Answer::Yes => {
                let (x, y) = (show(&was.ty), show(&is.ty));
                self.differs("this-parameter-changed", flow.worst(), subject, x, y, (was.at, is.at));
            }
            _ => {}
        }
        for number in 0..b.parameters.len().max(h.parameters.len()) {
            self.parameters(subject, b, h, (b.parameters.get(number), h.parameters.get(number)), flow);
        }
        match (&b.rest, &h.rest) {
            (Some(was), Some(is)) => {
                let each = format!("{subject}(...{})", was.name.0);
                self.nodes(&each, &was.ty, &is.ty, takes, Spot::Parameter);
            }
            (Some(was), None) => {
                let message = format!("`{subject}` no longer takes any number of `{}`", was.name.0);
                let (before, at) = (Some(format!("...{}", was.name.0)), (Some(was.at), Some(h.at)));
                self.say("rest-parameter-removed", flow.read, subject, message, before, None, at);
            }
            (None, Some(is)) => {
                let message = format!("`{subject}` now takes any number of `{}`", is.name.0);
                let (after, at) = (Some(format!("...{}", is.name.0)), (Some(b.at), Some(is.at)));
                self.say("rest-parameter-added", Impact::Compatible, subject, message, None, after, at);
            }
            (None, None) => {}
        }
        self.nodes(&format!("{subject}()"), &b.result, &h.result, flow, Spot::Return);
    }

    fn parameters(
        &mut self,
        subject: &str,
        b: &Signature,
        h: &Signature,
        pair: (Option<&Parameter>, Option<&Parameter>),
        flow: Flow,
    ) {
        match pair {
            (Some(was), Some(is)) => {
                let each = format!("{subject}({})", was.name.0);
                let at = (Some(was.at), Some(is.at));
                match (was.optional, is.optional) {
                    (true, false) => {
                        let message = format!("`{each}` was optional, is required");
                        self.say("parameter-became-required", flow.read, &each, message, None, None, at);
                    }
                    (false, true) => {
                        let message = format!("`{each}` was required, is optional");
                        self.say("parameter-became-optional", flow.supply, &each, message, None, None, at);
                    }
                    _ => {}
                }
                self.nodes(&each, &was.ty, &is.ty, flow.turned(), Spot::Parameter);
            }
            (None, Some(is)) => {
                let each = format!("{subject}({})", is.name.0);
                let shown = Some(show(&is.ty.ty));
                let at = (Some(b.at), Some(is.at));
                if b.rest.is_some() {
                    // What was one of many has a name now.
                    return;
                }
                if is.optional {
                    let message = format!("`{each}` is a new optional parameter");
                    self.say("parameter-optional-added", Impact::Compatible, &each, message, None, shown, at);
                } else {
                    let message = format!("`{each}` is a new required parameter");
                    self.say("parameter-required-added", flow.read, &each, message, None, shown, at);
                }
            }
            (Some(was), None) if h.rest.is_none() => {
                let each = format!("{subject}({})", was.name.0);
                let message = format!("`{each}` was removed: calls that pass it no longer compile");
                let at = (Some(was.at), Some(h.at));
                self.say("parameter-removed", flow.worst(), &each, message, Some(show(&was.ty.ty)), None, at);
            }
            _ => {}
        }
    }

    fn follow_branches(&mut self, was: &[&Type], is: &[&Type]) {
        for branch in was {
            if let Some(same) = is.iter().find(|other| *other == branch) {
                self.follow(branch, same);
            }
        }
    }

    fn follow_signatures(&mut self, b: &Signature, h: &Signature) {
        let (b, h) = (Type::Function(vec![b.clone()]), Type::Function(vec![h.clone()]));
        self.follow(&b, &h);
    }

    /// Notes the declarations that two equal types refer to.
    fn follow(&mut self, b: &Type, h: &Type) {
        let (mut was, mut is) = (Vec::new(), Vec::new());
        names(b, &mut was);
        names(h, &mut is);
        for (x, y) in was.into_iter().zip(is) {
            if self.base.entity(x).is_some() && self.revision.entity(y).is_some() {
                self.next.insert((x.to_string(), y.to_string()));
            }
        }
    }
}

/// The names that a type refers to, in the order in which they stand.
pub(super) fn names<'t>(ty: &'t Type, out: &mut Vec<&'t str>) {
    match ty {
        Type::Ref { name, args } => {
            out.push(name);
            args.iter().for_each(|arg| names(&arg.ty, out));
        }
        Type::Opaque { names, .. } => out.extend(names.iter().map(String::as_str)),
        Type::Array { element, .. } => names(&element.ty, out),
        Type::Tuple { elements, .. } => elements.iter().for_each(|element| names(&element.node.ty, out)),
        Type::Union(nodes) | Type::Intersection(nodes) => nodes.iter().for_each(|node| names(&node.ty, out)),
        Type::Object(members) => {
            members.properties.iter().for_each(|property| names(&property.ty.ty, out));
            members.calls.iter().chain(&members.constructs).for_each(|signature| names_of_signature(signature, out));
            members.indexes.iter().for_each(|index| names(&index.value.ty, out));
        }
        Type::Function(signatures) | Type::Constructor(signatures) => {
            signatures.iter().for_each(|signature| names_of_signature(signature, out));
        }
        _ => {}
    }
}

pub(super) fn names_of_signature<'t>(signature: &'t Signature, out: &mut Vec<&'t str>) {
    for generic in &signature.generics {
        generic.constraint.iter().chain(&generic.default).for_each(|node| names(&node.ty, out));
    }
    signature.this.iter().for_each(|this| names(&this.ty, out));
    signature.parameters.iter().for_each(|parameter| names(&parameter.ty.ty, out));
    signature.rest.iter().for_each(|rest| names(&rest.ty.ty, out));
    names(&signature.result.ty, out);
}

fn generics_of(entity: &Entity) -> &[Generic] {
    match (&entity.meaning, &entity.value) {
        (Some(Meaning::Interface { generics, .. } | Meaning::Alias { generics, .. }), _) => generics,
        (None, Some(Value::Class(class))) => &class.generics,
        _ => &[],
    }
}

/// What a name means as a type, opened once.
fn instance(entity: &Entity, side: &Side) -> Option<Node> {
    let ty = match (&entity.meaning, &entity.value) {
        (Some(Meaning::Alias { node, .. }), _) => return Some(node.clone()),
        (Some(Meaning::Interface { members, .. }), _) => {
            Type::Object(assign::interface_members(entity, side, 0).unwrap_or_else(|| members.clone()))
        }
        (None, Some(Value::Class(class))) => {
            Type::Object(assign::class_members(class, side, 0).unwrap_or_else(|| class.members.clone()))
        }
        _ => return None,
    };
    let plain = match ty {
        Type::Object(members)
            if members.properties.is_empty()
                && members.indexes.is_empty()
                && members.constructs.is_empty()
                && !members.calls.is_empty() =>
        {
            Type::Function(members.calls)
        }
        other => other,
    };
    Some(Node { at: entity.at, ty: plain })
}

fn same_parents(was: &[Node], is: &[Node]) -> bool {
    was.len() == is.len()
        && was.iter().zip(is).all(|(b, h)| match (&b.ty, &h.ty) {
            (Type::Ref { name: x, args: a }, Type::Ref { name: y, args: c }) => short(x) == short(y) && a == c,
            (b, h) => b == h,
        })
}

pub(super) fn kind(entity: &Entity) -> &'static str {
    match (&entity.value, &entity.meaning) {
        (Some(value), _) => value_kind(value),
        (None, Some(Meaning::Interface { .. })) => "interface",
        (None, Some(Meaning::Alias { .. })) => "type alias",
        (None, None) => "namespace",
    }
}

fn value_kind(value: &Value) -> &'static str {
    match value {
        Value::Variable { .. } => "variable",
        Value::Function(_) => "function",
        Value::Class(_) => "class",
        Value::Enum(_) => "enum",
    }
}

fn promise(ty: &Type) -> Option<&Node> {
    match ty {
        Type::Ref { name, args } if name == "Promise" => args.first(),
        _ => None,
    }
}

fn has_promise(ty: &Type) -> bool {
    ty.branches().into_iter().any(|branch| promise(branch).is_some())
}

/// `x is T` and `asserts x`.
fn predicate(text: &str) -> Option<&str> {
    text.starts_with("asserts ").then_some(text).or_else(|| text.split_once(" is ").map(|(_, wanted)| wanted))
}

/// Whether a type is the wide form of literals on one of the sides.
fn swallows(ty: &Type, b: &Type, h: &Type) -> bool {
    let wide = |other: &Type| other.branches().into_iter().any(|branch| branch.widened().as_ref() == Some(ty));
    matches!(ty, Type::String | Type::Number | Type::BigInt) && (wide(b) || wide(h))
}

fn quoted(items: &[String]) -> String {
    const SHOWN: usize = 6;
    let mut list = items.iter().take(SHOWN).map(|item| format!("`{item}`")).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        list.push_str(&format!(" and {} more", items.len() - SHOWN));
    }
    list
}
