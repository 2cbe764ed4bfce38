//! What must hold before a policy can matter, read off the beginning of its conditions.
//!
//! Cedar evaluates a policy's conditions from left to right and stops at the first that is false. As long as nothing
//! before it can fail, a condition that is false therefore makes the policy contribute neither decision nor error, and it
//! need not be evaluated. [`guard`] takes the longest such beginning, and from it one *key*: tests of which at least one
//! holds whenever the policy's condition does. What "cannot fail" rests on (a path is there, and of one type) is kept as
//! [`Assumption`]s, which are checked against every request: where one does not hold, all policies are evaluated.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, EntityUID, Expr, Literal, PatternElem, UnaryOp, Var};
use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::fact::Fact;

/// Where a value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Root {
    Principal,
    Resource,
    Context,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) root: Root,
    pub(crate) attributes: Vec<String>,
}

impl Path {
    fn prefix(&self, length: usize) -> Self {
        Self { root: self.root, attributes: self.attributes[..length].to_vec() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Any,
    Record,
    Bool,
    Long,
    Decimal,
    Text,
    Set,
}

/// A path is of one type: where it is there, or (`present`) always.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Assumption {
    pub(crate) path: Path,
    pub(crate) kind: Kind,
    pub(crate) present: bool,
}

/// A test that is cheap for many policies at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Equal(Path, Fact),
    /// The set at the path has this member.
    Holds(Path, Fact),
    Prefix(Path, String),
    Suffix(Path, String),
    /// The text has these parts one after the other.
    Parts(Path, Vec<String>),
    /// A long, or a decimal's ten-thousandths, of at least this.
    AtLeast(Path, i64),
    AtMost(Path, i64),
    Present(Path),
    /// The principal is this, or in it.
    Principal(EntityUid),
    Resource(EntityUid),
}

impl Key {
    /// The lower, the fewer requests it fits.
    const fn rank(&self) -> u8 {
        match self {
            Self::Equal(_, Fact::Bool(_)) => 3,
            Self::Equal(..) | Self::Holds(..) | Self::Principal(_) | Self::Resource(_) => 0,
            Self::Prefix(..) | Self::Suffix(..) => 1,
            Self::Parts(..) => 2,
            Self::AtLeast(..) | Self::AtMost(..) => 2,
            Self::Present(_) => 4,
        }
    }
}

/// Tests of which at least one holds when the condition does; an empty list: the condition never holds.
type Keys = Option<Vec<Key>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    pub(crate) keys: Vec<Key>,
    pub(crate) assumptions: Vec<Assumption>,
}

/// The guard of a policy with these conditions, if they begin with one.
pub(crate) fn guard(clauses: &[Clause]) -> Option<Guard> {
    let mut conjuncts = Vec::new();
    for clause in clauses {
        match clause {
            Clause::When(expr) => flatten(expr, &mut conjuncts),
            Clause::Unless(expr) => conjuncts.push((expr, true)),
        }
    }
    let mut reader = Reader::default();
    let (mut best, mut assumptions): (Keys, _) = (None, Vec::new());
    for (expr, negated) in conjuncts {
        let keys = if negated { reader.negation(expr) } else { reader.safe(expr) };
        let Some(keys) = keys else { break };
        // Of what failed half-way nothing is kept.
        assumptions.clone_from(&reader.assumptions);
        best = better(best, keys);
    }
    let keys = best?;
    assumptions.sort();
    assumptions.dedup();
    Some(Guard { keys, assumptions })
}

fn flatten<'a>(expr: &'a Arc<Expr>, conjuncts: &mut Vec<(&'a Arc<Expr>, bool)>) {
    match &**expr {
        Expr::BinaryOp { op: BinaryOp::And, left, right } => {
            flatten(left, conjuncts);
            flatten(right, conjuncts);
        }
        _ => conjuncts.push((expr, false)),
    }
}

fn better(a: Keys, b: Keys) -> Keys {
    let cost = |keys: &Vec<Key>| (keys.iter().map(Key::rank).max().unwrap_or(0), keys.len());
    match (a, b) {
        (Some(a), Some(b)) => Some(if cost(&b) < cost(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[derive(Default)]
struct Reader {
    /// Paths that an earlier conjunct found to be there.
    found: Vec<Path>,
    assumptions: Vec<Assumption>,
}

impl Reader {
    /// `None`: evaluating it may fail.
    fn safe(&mut self, expr: &Expr) -> Option<Keys> {
        match expr {
            Expr::Literal(Literal::Bool(flag)) => Some((!flag).then(Vec::new)),
            Expr::HasAttr { expr, attrs } => {
                let mut path = self.container(expr)?;
                for (index, attr) in attrs.iter().enumerate() {
                    if index > 0 {
                        self.assume(&path, Kind::Record, false);
                    }
                    path.attributes.push(attr.to_string());
                    self.found.push(path.clone());
                }
                Some(Some(vec![Key::Present(path)]))
            }
            Expr::GetAttr { .. } => {
                let path = self.value(expr, Kind::Bool)?;
                Some(Some(vec![Key::Equal(path, Fact::Bool(true))]))
            }
            Expr::UnaryOp { op: UnaryOp::Not, expr } => self.negation(expr),
            Expr::Like { expr, pattern } => {
                let path = self.value(expr, Kind::Text)?;
                Some(like(path, pattern))
            }
            Expr::Is { expr, in_expr, .. } => {
                let root = entity(expr)?;
                match in_expr {
                    None => Some(None),
                    Some(target) => Some(membership(root, &entities(target)?)),
                }
            }
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right),
            _ => None,
        }
    }

    fn negation(&mut self, expr: &Expr) -> Option<Keys> {
        let found = self.found.len();
        let keys = match expr {
            Expr::GetAttr { .. } => {
                let path = self.value(expr, Kind::Bool)?;
                Some(vec![Key::Equal(path, Fact::Bool(false))])
            }
            _ => {
                self.safe(expr)?;
                None
            }
        };
        self.found.truncate(found);
        Some(keys)
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Keys> {
        match op {
            BinaryOp::And => {
                let left = self.safe(left)?;
                let right = self.safe(right)?;
                Some(better(left, right))
            }
            BinaryOp::Or => {
                let found = self.found.len();
                let left = self.safe(left)?;
                self.found.truncate(found);
                let right = self.safe(right)?;
                self.found.truncate(found);
                Some(left.zip(right).map(|(mut left, right)| {
                    left.extend(right);
                    left
                }))
            }
            BinaryOp::Eq => self.equality(left, right),
            BinaryOp::NotEq => {
                self.equality(left, right)?;
                Some(None)
            }
            BinaryOp::In => Some(membership(entity(left)?, &entities(right)?)),
            BinaryOp::Contains => match literals(left) {
                Some(members) => {
                    let path = self.value(right, Kind::Any)?;
                    Some(Some(members.into_iter().map(|member| Key::Equal(path.clone(), member)).collect()))
                }
                None => {
                    let path = self.value(left, Kind::Set)?;
                    Some(Some(vec![Key::Holds(path, literal(right)?)]))
                }
            },
            BinaryOp::ContainsAny | BinaryOp::ContainsAll => self.sets(op, left, right),
            _ => self.comparison(op, left, right),
        }
    }

    fn equality(&mut self, left: &Expr, right: &Expr) -> Option<Keys> {
        if let (Some(root), Some(uid)) = (entity(left), uid(right)) {
            return Some(membership(root, &[uid]));
        }
        if let (Some(fact), Expr::GetAttr { .. }) = (literal(left), right) {
            return Some(Some(vec![Key::Equal(self.value(right, Kind::Any)?, fact)]));
        }
        let path = self.value(left, Kind::Any)?;
        match literal(right) {
            Some(fact) => Some(Some(vec![Key::Equal(path, fact)])),
            None => {
                self.value(right, Kind::Any)?;
                Some(None)
            }
        }
    }

    fn sets(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Keys> {
        let (path, members, path_is_left) = match (literals(left), literals(right)) {
            (Some(members), None) => (self.value(right, Kind::Set)?, members, false),
            (None, Some(members)) => (self.value(left, Kind::Set)?, members, true),
            _ => return None,
        };
        let mut holds = members.into_iter().map(|member| Key::Holds(path.clone(), member));
        match (op, path_is_left) {
            (BinaryOp::ContainsAny, _) => Some(Some(holds.collect())),
            (_, true) => Some(holds.next().map(|first| vec![first])),
            (_, false) => Some(None),
        }
    }

    fn comparison(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Keys> {
        use BinaryOp as B;
        let kind = match op {
            B::Less | B::LessEq | B::Greater | B::GreaterEq => Kind::Long,
            B::DecimalLessThan | B::DecimalLessEq | B::DecimalGreater | B::DecimalGreaterEq => Kind::Decimal,
            _ => return None,
        };
        let path = self.value(left, kind)?;
        let bound = match (literal(right)?, kind) {
            (Fact::Long(bound), Kind::Long) | (Fact::Decimal(bound), Kind::Decimal) => bound,
            _ => return None,
        };
        Some(match op {
            B::GreaterEq | B::DecimalGreaterEq => Some(vec![Key::AtLeast(path, bound)]),
            B::LessEq | B::DecimalLessEq => Some(vec![Key::AtMost(path, bound)]),
            B::Greater | B::DecimalGreater => {
                Some(bound.checked_add(1).map(|low| Key::AtLeast(path, low)).into_iter().collect())
            }
            _ => Some(bound.checked_sub(1).map(|high| Key::AtMost(path, high)).into_iter().collect()),
        })
    }

    /// The path of an attribute, which is there when this is evaluated, and of `kind`.
    fn value(&mut self, expr: &Expr, kind: Kind) -> Option<Path> {
        let path = path(expr)?;
        if path.attributes.is_empty() {
            return None;
        }
        self.reach(&path);
        self.assume(&path, kind, !self.found.contains(&path));
        Some(path)
    }

    /// The path of a record, or of the context, the principal or the resource itself.
    fn container(&mut self, expr: &Expr) -> Option<Path> {
        let path = path(expr)?;
        self.reach(&path);
        if !path.attributes.is_empty() {
            self.assume(&path, Kind::Record, !self.found.contains(&path));
        }
        Some(path)
    }

    fn reach(&mut self, path: &Path) {
        for length in 1..path.attributes.len() {
            let above = path.prefix(length);
            let present = !self.found.contains(&above);
            self.assume(&above, Kind::Record, present);
        }
    }

    fn assume(&mut self, path: &Path, kind: Kind, present: bool) {
        self.assumptions.push(Assumption { path: path.clone(), kind, present });
    }
}

fn path(expr: &Expr) -> Option<Path> {
    match expr {
        Expr::Var(_) => Some(Path { root: variable(expr)?, attributes: vec![] }),
        Expr::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.attributes.push(attr.to_string());
            Some(path)
        }
        _ => None,
    }
}

fn variable(expr: &Expr) -> Option<Root> {
    match expr {
        Expr::Var(Var::Principal) => Some(Root::Principal),
        Expr::Var(Var::Resource) => Some(Root::Resource),
        Expr::Var(Var::Context) => Some(Root::Context),
        _ => None,
    }
}

fn entity(expr: &Expr) -> Option<Root> {
    variable(expr).filter(|root| *root != Root::Context)
}

fn membership(root: Root, uids: &[EntityUid]) -> Keys {
    match root {
        Root::Principal => Some(uids.iter().cloned().map(Key::Principal).collect()),
        Root::Resource => Some(uids.iter().cloned().map(Key::Resource).collect()),
        Root::Context => None,
    }
}

fn like(path: Path, pattern: &[PatternElem]) -> Keys {
    let literal = |elements: &mut dyn Iterator<Item = &PatternElem>| -> String {
        elements.map_while(|element| if let PatternElem::Char(c) = element { Some(*c) } else { None }).collect()
    };
    let prefix = literal(&mut pattern.iter());
    if !pattern.contains(&PatternElem::Wildcard) {
        return Some(vec![Key::Equal(path, Fact::Text(prefix))]);
    }
    if !prefix.is_empty() {
        return Some(vec![Key::Prefix(path, prefix)]);
    }
    let suffix: String = literal(&mut pattern.iter().rev()).chars().rev().collect();
    if !suffix.is_empty() {
        return Some(vec![Key::Suffix(path, suffix)]);
    }
    let parts = pattern.split(|element| *element == PatternElem::Wildcard).map(|part| literal(&mut part.iter()));
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { None } else { Some(vec![Key::Parts(path, parts)]) }
}

fn uid(expr: &Expr) -> Option<EntityUid> {
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => entity_uid(uid),
        _ => None,
    }
}

pub(crate) fn entity_uid(uid: &EntityUID) -> Option<EntityUid> {
    let kind: EntityTypeName = uid.ty.to_string().parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(uid.eid.as_str())))
}

/// One entity, or a set of them.
fn entities(expr: &Expr) -> Option<Vec<EntityUid>> {
    match expr {
        Expr::Set(members) => members.iter().map(|member| uid(member)).collect(),
        _ => Some(vec![uid(expr)?]),
    }
}

fn literals(expr: &Expr) -> Option<Vec<Fact>> {
    match expr {
        Expr::Set(members) => members.iter().map(|member| literal(member)).collect(),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<Fact> {
    match expr {
        Expr::Literal(Literal::Bool(flag)) => Some(Fact::Bool(*flag)),
        Expr::Literal(Literal::Long(number)) => Some(Fact::Long(*number)),
        Expr::Literal(Literal::String(text)) => Some(Fact::Text(text.to_string())),
        Expr::Literal(Literal::EntityUID(uid)) => entity_uid(uid).map(Fact::Uid),
        Expr::UnaryOp { op: UnaryOp::Decimal, expr } => match &**expr {
            Expr::Literal(Literal::String(text)) => crate::decimal::of_cedar(text).map(Fact::Decimal),
            _ => None,
        },
        _ => None,
    }
}
