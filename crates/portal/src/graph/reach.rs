//! What an entity depends on and what depends on it, found by breadth first over dependencies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mizzen_catalog::EntityRef;
use mizzen_catalog::relation::Provenance;

/// Which way dependencies are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What the entity depends on.
    Down,
    /// What depends on the entity.
    Up,
    Both,
}

impl Direction {
    pub(crate) const ALL: [Self; 3] = [Self::Down, Self::Up, Self::Both];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Both => "both",
        }
    }
}

/// A dependency: `from` does not work without `to`, whichever of the two said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) from: EntityRef,
    pub(crate) to: EntityRef,
    /// As Backstage names it from `from` to `to`, for example `dependsOn`.
    pub(crate) relation: String,
    pub(crate) provenance: Provenance,
    pub(crate) calls: u64,
}

/// The relation of each pair that leads from what depends to what it depends on. A component provides an API, so the API needs
/// the component; a part belongs to a system, so the system needs the part.
const FORWARD: &[(&str, &str)] = &[
    ("dependsOn", "dependencyOf"),
    ("consumesApi", "apiConsumedBy"),
    ("apiProvidedBy", "providesApi"),
    ("hasPart", "partOf"),
];
/// An owner is no dependency, but what a team owns is left alone when the team goes.
const OWNERSHIP: (&str, &str) = ("ownedBy", "ownerOf");

impl Link {
    /// The dependency that a relation states, if it states one as seen from `root`.
    pub(crate) fn of(
        root: &EntityRef,
        (from, to): (EntityRef, EntityRef),
        relation: &str,
        (provenance, calls): (Provenance, u64),
    ) -> Option<Self> {
        let owners = matches!(root.kind(), "group" | "user").then_some(&OWNERSHIP);
        let mut pairs = FORWARD.iter().chain(owners);
        let (forward, _) = pairs.find(|(forward, back)| relation == *forward || relation == *back)?;
        let (from, to) = if relation == *forward { (from, to) } else { (to, from) };
        Some(Self { from, to, relation: (*forward).to_owned(), provenance, calls })
    }
}

/// On which side of the entity something lies. What lies on both counts as something the entity depends on when it is
/// as near on that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Root,
    Down,
    Up,
}

impl Side {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) side: Side,
    /// Length of the shortest way to the entity that was asked about.
    pub(crate) hops: u32,
    /// The next one on that way.
    pub(crate) via: EntityRef,
}

/// Everything within `depth` of `root`, itself included.
pub(crate) fn reach(root: &EntityRef, links: &[Link], depth: u32, direction: Direction) -> BTreeMap<EntityRef, Place> {
    let mut found = BTreeMap::new();
    let start = Place { side: Side::Root, hops: 0, via: root.clone() };
    found.insert(root.clone(), start);
    if direction != Direction::Up {
        walk(root, links.iter().map(|link| (&link.from, &link.to)), depth, Side::Down, &mut found);
    }
    if direction != Direction::Down {
        walk(root, links.iter().map(|link| (&link.to, &link.from)), depth, Side::Up, &mut found);
    }
    found
}

fn walk<'a>(
    root: &'a EntityRef,
    steps: impl Iterator<Item = (&'a EntityRef, &'a EntityRef)>,
    depth: u32,
    side: Side,
    found: &mut BTreeMap<EntityRef, Place>,
) {
    let mut next: HashMap<&EntityRef, Vec<&EntityRef>> = HashMap::new();
    for (from, to) in steps {
        next.entry(from).or_default().push(to);
    }
    let mut seen: BTreeSet<&EntityRef> = BTreeSet::from([root]);
    let mut rim = vec![root];
    for hops in 1..=depth {
        // Sorted, so that the way that is told is the same every time.
        let mut reached: Vec<(&EntityRef, &EntityRef)> =
            rim.iter().flat_map(|via| next.get(via).into_iter().flatten().map(|to| (*to, *via))).collect();
        reached.sort_unstable();
        reached.dedup_by_key(|(to, _)| *to);
        reached.retain(|(to, _)| seen.insert(to));
        for (to, via) in &reached {
            let nearer = found.get(*to).is_none_or(|place| place.hops > hops);
            if nearer {
                found.insert((*to).clone(), Place { side, hops, via: (*via).clone() });
            }
        }
        if reached.is_empty() {
            break;
        }
        rim = reached.into_iter().map(|(to, _)| to).collect();
    }
}
