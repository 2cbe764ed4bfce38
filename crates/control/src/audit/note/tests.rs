use ed25519_dalek::SigningKey;
use mizzen_governance::merkle::Hash;

use super::{Checkpoint, KeyKind, Note, NoteError, NoteSignature, VerifierKey};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn verifier(name: &str, kind: KeyKind, seed: u8) -> VerifierKey {
    VerifierKey::new(name, kind, key(seed).verifying_key().as_bytes()).unwrap()
}

fn signed() -> Note {
    let checkpoint = Checkpoint { origin: "log.example/a".into(), size: 7, root: Hash::leaf(b"x") };
    let mut note = Note::new(checkpoint.to_string());
    note.sign("log.example/a", &key(1));
    note.cosign("witness.example/w", &key(2), 1_679_315_147);
    note
}

/// The example that the note package of Go is documented with: signed by somebody else's program.
#[test]
fn a_note_that_another_program_signed_is_verified() {
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let verifier: VerifierKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    assert_eq!(note.parse::<Note>().unwrap().verify(&verifier), Ok(None));
    assert!(note.replace("answer", "Answer").parse::<Note>().unwrap().verify(&verifier).is_err());
}

#[test]
fn what_was_signed_is_verified_by_its_own_key_and_text_only() {
    let note: Note = signed().to_string().parse().unwrap();
    assert_eq!(note, signed());
    let (log, witness) =
        (verifier("log.example/a", KeyKind::Log, 1), verifier("witness.example/w", KeyKind::Witness, 2));
    assert_eq!(note.verify(&log), Ok(None));
    assert_eq!(note.verify(&witness), Ok(Some(1_679_315_147)));
    assert_eq!(log.to_string().parse::<VerifierKey>().as_ref(), Ok(&log));
    assert_eq!(witness.to_string().parse::<VerifierKey>().as_ref(), Ok(&witness));
    // Same key under another name or for another purpose: its line is not there.
    for other in [
        verifier("log.example/b", KeyKind::Log, 1),
        verifier("log.example/a", KeyKind::Witness, 1),
        verifier("log.example/a", KeyKind::Log, 3),
    ] {
        assert_eq!(note.verify(&other), Err(NoteError::Unsigned(other.name().into())));
    }
    let forged = Note { text: note.text().replace("7", "8"), ..note.clone() };
    assert_eq!(forged.verify(&log), Err(NoteError::Signature("log.example/a".into())));
    assert_eq!(forged.verify(&witness), Err(NoteError::Signature("witness.example/w".into())));
}

#[test]
fn no_byte_of_a_checkpoint_can_change_unseen() {
    let text = signed().to_string();
    let (log, witness) =
        (verifier("log.example/a", KeyKind::Log, 1), verifier("witness.example/w", KeyKind::Witness, 2));
    for place in 0..text.len() {
        {
            let bit = place % 8;
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let note = String::from_utf8(bytes).ok().and_then(|text| text.parse::<Note>().ok());
            let passes = note.is_some_and(|note| note.verify(&log).is_ok() && note.verify(&witness).is_ok());
            assert!(!passes, "bit {bit} of byte {place}");
        }
    }
}

#[test]
fn damaged_texts_are_none() {
    for text in [
        "",
        "\n",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        "a\n\n\u{2014} n !!!\n",
        "a\t\n\n\u{2014} n AAAAAAAA\n",
        "a\n\n\u{2014} n AAAAAAAA",
    ] {
        assert!(text.parse::<Note>().is_err(), "{text:?}");
    }
    assert!("a\n\n\u{2014} n AAAAAAAA\n".parse::<Note>().is_ok());
    for text in ["", "o\n1\n", "o\n01\nAAAA\n", "o\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "o\n1\nAAAA\n"]
    {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
    for text in ["", "a+b", "n+00000000+AQ==", "n+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
    assert!(NoteSignature::parse_lines("").is_err());
}
