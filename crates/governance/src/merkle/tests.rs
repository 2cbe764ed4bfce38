use std::convert::Infallible;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde::Deserialize;

use super::proof::{self, Node, ProofError};
use super::range::CompactRange;
use super::tile::{self, Content, Tile, WIDTH};
use super::{Hash, split};

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::leaf(&index.to_be_bytes())).collect()
}

/// MTH, letter by letter from RFC 6962, section 2.1.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [one] => *one,
        more => {
            let mut k = 1;
            while k * 2 < more.len() {
                k *= 2;
            }
            Hash::node(&naive(&more[..k]), &naive(&more[k..]))
        }
    }
}

fn from_memory(leaves: &[Hash]) -> impl FnMut(Node) -> Result<Hash, Infallible> {
    move |node| {
        let from = usize::try_from(node.index << node.height).unwrap();
        Ok(naive(&leaves[from..from + (1 << node.height)]))
    }
}

#[test]
fn the_roots_are_those_of_the_field() {
    // Of the certificate transparency reference tests: the empty tree, one empty entry, and eight entries.
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    assert_eq!(Hash::empty().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Hash::leaf(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    let entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let mut range = CompactRange::new();
    entries.iter().for_each(|entry| range.push(Hash::leaf(&hex(entry))));
    assert_eq!(range.root().to_string(), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn every_proof_of_every_small_tree_is_right_and_no_other_is() {
    for size in 0..24 {
        let leaves = leaves(size);
        let root = naive(&leaves);
        assert_eq!(proof::root(size, &mut from_memory(&leaves)), Ok(root));
        for index in 0..size {
            let leaf = leaves[usize::try_from(index).unwrap()];
            let path = proof::inclusion(index, size, &mut from_memory(&leaves)).unwrap();
            assert_eq!(proof::verify_inclusion(index, size, leaf, &path, &root), Ok(()), "{index} of {size}");
            for other in (0..size).filter(|other| *other != index) {
                assert!(proof::verify_inclusion(other, size, leaf, &path, &root).is_err(), "{index} as {other}");
            }
            assert!(proof::verify_inclusion(index, size, Hash::empty(), &path, &root).is_err());
            refuses_changed(&path, |path| proof::verify_inclusion(index, size, leaf, path, &root).is_ok());
        }
        assert_eq!(
            proof::verify_inclusion(size, size, Hash::empty(), &[], &root),
            Err(ProofError::Index { index: size, size })
        );
        for old in 0..=size {
            let old_root = naive(&leaves[..usize::try_from(old).unwrap()]);
            let path = proof::consistency(old, size, &mut from_memory(&leaves)).unwrap();
            assert_eq!(proof::verify_consistency(old, size, &old_root, &root, &path), Ok(()), "{old} in {size}");
            assert!(proof::verify_consistency(old, size, &Hash::leaf(b"x"), &root, &path).is_err());
            assert!(old == 0 || proof::verify_consistency(old, size, &old_root, &Hash::leaf(b"x"), &path).is_err());
            refuses_changed(&path, |path| proof::verify_consistency(old, size, &old_root, &root, path).is_ok());
        }
        assert!(proof::verify_consistency(size + 1, size, &root, &root, &[]).is_err());
    }
}

/// No path with one hash more, less or other may pass.
fn refuses_changed(path: &[Hash], passes: impl Fn(&[Hash]) -> bool) {
    assert!(!passes(&[path, &[Hash::empty()]].concat()));
    for place in 0..path.len() {
        let mut changed = path.to_vec();
        changed[place] = Hash::leaf(b"changed");
        assert!(!passes(&changed), "hash {place} changed");
        changed.remove(place);
        assert!(!passes(&changed), "hash {place} removed");
    }
}

#[test]
fn the_largest_indices_overflow_nothing() {
    let path = vec![Hash::empty(); 64];
    assert!(proof::root_from_inclusion(u64::MAX - 1, u64::MAX, Hash::empty(), &path[1..]).is_ok());
    assert!(proof::root_from_inclusion(0, u64::MAX, Hash::empty(), &path).is_ok());
    assert!(proof::verify_consistency(1, u64::MAX, &Hash::empty(), &Hash::empty(), &path).is_err());
    assert!(proof::verify_consistency(u64::MAX - 1, u64::MAX, &Hash::empty(), &Hash::empty(), &path).is_err());
    assert_eq!(split(u64::MAX), 1 << 63);
}

#[test]
fn tiles_have_the_names_and_widths_of_the_specification() {
    let names = |tile: Tile| tile.to_string();
    let hashes = |level, index, width| Tile { content: Content::Hashes { level }, index, width };
    assert_eq!(names(hashes(0, 1_234_067, WIDTH)), "tile/0/x001/x234/067");
    assert_eq!(names(Tile { content: Content::Entries, index: 0, width: 8 }), "tile/entries/000.p/8");
    // The specification's example: 70,000 entries.
    let edge: Vec<String> = tile::partial(70_000).map(names).collect();
    assert_eq!(edge, ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(tile::full_count(Content::Hashes { level: 0 }, 70_000), 273);
    assert_eq!(tile::full_count(Content::Hashes { level: 1 }, 70_000), 1);
    assert_eq!(tile::partial(256).map(names).collect::<Vec<_>>(), ["tile/1/000.p/1"]);
    let none = [
        "tile/0/1",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/8/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/entries/x001",
        "tile/0/x00/001",
        "tile/0/../x",
        "tile/0/+01",
        "checkpoint",
        "",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ];
    for path in none {
        assert!(path.parse::<Tile>().is_err(), "{path}");
    }
}

/// The tiles of a tree, as a log would have written them.
fn read_tile(leaves: &[Hash]) -> impl FnMut(Tile) -> Result<Vec<Hash>, Infallible> {
    move |tile| {
        let span = 1 << (tile::HEIGHT * tile.content.level());
        let item = |item: u64| {
            let from = usize::try_from(item * span).unwrap();
            naive(&leaves[from..from + usize::try_from(span).unwrap()])
        };
        Ok((0..tile.width).map(|place| item(tile.index * WIDTH + place)).collect())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tree_that_grew_step_by_step_is_the_tree_built_at_once(size in 0u64..2_000, stop in 0u64..2_000) {
        let leaves = leaves(size);
        let mut range = CompactRange::new();
        for (index, leaf) in leaves.iter().enumerate() {
            if index as u64 == stop {
                range = CompactRange::resume(range.size(), range.peaks().to_vec()).unwrap();
            }
            range.push(*leaf);
        }
        prop_assert_eq!(range.root(), naive(&leaves));
        prop_assert_eq!(range.size(), size);
        prop_assert!(CompactRange::resume(size + 1, vec![]).is_none());
    }

    #[test]
    fn proofs_made_from_tiles_verify(size in 1u64..1_200, index in 0u64..1_200, old in 0u64..1_200) {
        let (index, old) = (index % size, old % (size + 1));
        let leaves = leaves(size);
        let root = naive(&leaves);
        let mut node = |node| tile::node(node, size, &mut read_tile(&leaves)).map(Option::unwrap);
        let path = proof::inclusion(index, size, &mut node).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert_eq!(proof::verify_inclusion(index, size, leaf, &path, &root), Ok(()));
        let path = proof::consistency(old, size, &mut node).unwrap();
        let old_root = naive(&leaves[..usize::try_from(old).unwrap()]);
        prop_assert_eq!(proof::verify_consistency(old, size, &old_root, &root, &path), Ok(()));
        let peaks = tile::peaks(size).into_iter().map(|peak| node(peak).unwrap()).collect();
        prop_assert_eq!(CompactRange::resume(size, peaks).unwrap().root(), root);
    }

    #[test]
    fn a_tile_is_found_by_its_name(level in 0u32..8, index in 0u64..u64::MAX / 256, width in 1u64..=256, entries: bool) {
        let content = if entries { Content::Entries } else { Content::Hashes { level } };
        let tile = Tile { content, index, width };
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionVector {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsistencyVector {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// `None` where a vector gives something that is no hash: our types cannot even hold it.
fn hash(text: &str) -> Option<Hash> {
    Hash::from_slice(&STANDARD.decode(text).unwrap())
}

fn path(proof: Option<Vec<String>>) -> Option<Vec<Hash>> {
    proof.unwrap_or_default().iter().map(|text| hash(text)).collect()
}

#[test]
#[allow(clippy::disallowed_methods, reason = "tests have no configuration; the command that starts them sets this")]
fn the_vectors_of_the_field_are_judged_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rfc6962");
    if !folder.is_dir() {
        let ci = std::env::var("CI");
        assert_ne!(ci.as_deref(), Ok("true"), "`{}` is not there, and in CI nothing may be skipped", folder.display());
        eprintln!("SKIPPED: `{}` is not there, so this test did not run", folder.display());
        return;
    }
    let (mut good, mut bad) = (0, 0);
    for file in files(&folder.join("inclusion")) {
        let vector: InclusionVector = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let parts = hash(&vector.leaf_hash).zip(hash(&vector.root)).zip(path(vector.proof));
        let verified = parts.is_some_and(|((leaf, root), path)| {
            proof::verify_inclusion(vector.leaf_idx, vector.tree_size, leaf, &path, &root).is_ok()
        });
        assert_eq!(verified, !vector.want_err, "{}", file.display());
        if verified { good += 1 } else { bad += 1 }
    }
    for file in files(&folder.join("consistency")) {
        let vector: ConsistencyVector = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let parts = hash(&vector.root1).zip(hash(&vector.root2)).zip(path(vector.proof));
        let verified = parts.is_some_and(|((old, new), path)| {
            proof::verify_consistency(vector.size1, vector.size2, &old, &new, &path).is_ok()
        });
        assert_eq!(verified, !vector.want_err, "{}", file.display());
        if verified { good += 1 } else { bad += 1 }
    }
    assert!(good >= 5 && bad >= 50, "only {good} good and {bad} bad vectors were found");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
