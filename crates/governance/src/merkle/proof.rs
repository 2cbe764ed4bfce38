//! Proofs, made and verified (RFC 6962, sections 2.1.1 and 2.1.2; verified as in RFC 9162, sections 2.1.3.2 and
//! 2.1.4.2).
//!
//! Making one needs hashes of full sub-trees; where they come from is the caller's: memory, or the files of a log.

use super::{Hash, split};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("entry {index} cannot be in a tree of {size}")]
    Index { index: u64, size: u64 },
    #[error("a tree of {old} entries cannot have grown to {new}")]
    Sizes { old: u64, new: u64 },
    #[error("the proof has {got} hashes where it needs {needed}")]
    Length { got: usize, needed: usize },
    #[error("the proof does not lead to the root")]
    Root,
    #[error("the proof does not lead to the root of the older tree")]
    OldRoot,
}

/// A full sub-tree: `2^height` entries, of which it is the `index`-th such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub height: u32,
    pub index: u64,
}

/// The root of the entries `from..to` (`from` below `to`), which need not be a full sub-tree.
///
/// # Errors
/// What `node` fails with.
pub fn subtree<E>(from: u64, to: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let size = to - from;
    if size.is_power_of_two() {
        let height = size.trailing_zeros();
        return node(Node { height, index: from >> height });
    }
    let middle = from + split(size);
    let left = subtree(from, middle, node)?;
    Ok(Hash::node(&left, &subtree(middle, to, node)?))
}

/// The root of a tree.
///
/// # Errors
/// What `node` fails with.
pub fn root<E>(size: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    if size == 0 { Ok(Hash::empty()) } else { subtree(0, size, node) }
}

/// The proof that entry `index` is in the tree of `size` entries, the leaf's sibling first.
///
/// # Errors
/// What `node` fails with. An index outside the tree has no proof: the result is empty then.
pub fn inclusion<E>(index: u64, size: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut from, mut to, mut path) = (0, size, Vec::new());
    if index >= size {
        return Ok(path);
    }
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(subtree(middle, to, node)?);
            to = middle;
        } else {
            path.push(subtree(from, middle, node)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `new` entries begins with the tree of `old`. Empty when one of them is, or both are
/// the same.
///
/// # Errors
/// What `node` fails with.
pub fn consistency<E>(old: u64, new: u64, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
    let (mut from, mut to, mut path) = (0, new, Vec::new());
    if old == 0 || old >= new {
        return Ok(path);
    }
    // Down to the sub-tree that ends where the old tree ended; what lies beside the way is the proof.
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(subtree(middle, to, node)?);
            to = middle;
        } else {
            path.push(subtree(from, middle, node)?);
            from = middle;
        }
    }
    if from > 0 {
        // The old tree is not itself a part of the new one: its last part is what the verifier starts from.
        path.push(subtree(from, to, node)?);
    }
    path.reverse();
    Ok(path)
}

/// The root that `path` leads to from the leaf at `index`.
///
/// # Errors
/// When the index is outside the tree, or the path is not as long as it must be there.
pub fn root_from_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    // Below the bit where the ways of this leaf and of the last one part, each level has a sibling; above, only where
    // the way goes right.
    let inner = (u64::BITS - (index ^ (size - 1)).leading_zeros()) as usize;
    let border = (index.checked_shr(inner as u32).unwrap_or(0)).count_ones() as usize;
    if path.len() != inner + border {
        return Err(ProofError::Length { got: path.len(), needed: inner + border });
    }
    let (below, above) = path.split_at(inner);
    let step = |hash: Hash, (level, sibling): (usize, &Hash)| {
        if index >> level & 1 == 0 { Hash::node(&hash, sibling) } else { Hash::node(sibling, &hash) }
    };
    let hash = below.iter().enumerate().fold(leaf, step);
    Ok(above.iter().fold(hash, |hash, sibling| Hash::node(sibling, &hash)))
}

/// # Errors
/// When `path` does not prove that `leaf` is the entry `index` of the tree of `size` entries under `root`.
pub fn verify_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if root_from_inclusion(index, size, leaf, path)? == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// # Errors
/// When `path` does not prove that the tree of `new` entries under `new_root` begins with the tree of `old` entries
/// under `old_root`.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Sizes { old, new });
    }
    if old == 0 || old == new {
        return trivial(old, old_root, new_root, path);
    }
    // From the last full part of the old tree on, the proof is an inclusion proof of that part.
    let height = old.trailing_zeros();
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, path)
    } else {
        let (first, rest) = path.split_first().ok_or(ProofError::Length { got: 0, needed: 1 })?;
        (*first, rest)
    };
    let index = (old - 1) >> height;
    let last = (new - 1) >> height;
    let inner = (u64::BITS - (index ^ last).leading_zeros()) as usize;
    let border = (index.checked_shr(inner as u32).unwrap_or(0)).count_ones() as usize;
    if rest.len() != inner + border {
        return Err(ProofError::Length { got: path.len(), needed: path.len() - rest.len() + inner + border });
    }
    let (mut in_old, mut in_new) = (first, first);
    let (below, above) = rest.split_at(inner);
    for (level, sibling) in below.iter().enumerate() {
        if index >> level & 1 == 1 {
            in_old = Hash::node(sibling, &in_old);
            in_new = Hash::node(sibling, &in_new);
        } else {
            in_new = Hash::node(&in_new, sibling);
        }
    }
    for sibling in above {
        in_old = Hash::node(sibling, &in_old);
        in_new = Hash::node(sibling, &in_new);
    }
    if in_old != *old_root {
        return Err(ProofError::OldRoot);
    }
    if in_new == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

fn trivial(old: u64, old_root: &Hash, new_root: &Hash, path: &[Hash]) -> Result<(), ProofError> {
    if !path.is_empty() {
        return Err(ProofError::Length { got: path.len(), needed: 0 });
    }
    if old == 0 {
        return if *old_root == Hash::empty() { Ok(()) } else { Err(ProofError::OldRoot) };
    }
    if old_root == new_root { Ok(()) } else { Err(ProofError::Root) }
}
