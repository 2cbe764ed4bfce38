//! What others saw of this log: it must still begin like that.

use mizzen_governance::merkle::{Hash, proof, tile};

use super::{Checkpoint, Fault, Trust, Verifier, WITNESSED, read_signed};
use crate::audit::AuditError;
use crate::audit::note::{NoteSignature, VerifierKey};

impl Verifier<'_> {
    pub(super) fn check_history(&mut self, now: &Checkpoint, trust: &Trust) -> Result<(), AuditError> {
        if let Some(seen) = &trust.seen {
            match signed_by_any(seen.as_bytes(), trust) {
                Ok((by, checkpoint)) => {
                    self.report.compared = true;
                    self.compare(&by, &checkpoint, now)?;
                }
                Err(message) => {
                    self.fault(Fault::Checkpoint { file: "the checkpoint to compare with".into(), message })
                }
            }
        }
        self.check_witnessed(now, trust)
    }

    fn check_witnessed(&mut self, now: &Checkpoint, trust: &Trust) -> Result<(), AuditError> {
        let Some(content) = self.read(WITNESSED)? else {
            // Who names a witness expects it to have seen the log.
            if !trust.witnesses.is_empty() {
                self.fault(Fault::Missing { file: WITNESSED.to_owned() });
            }
            return Ok(());
        };
        let fault = |message: String| Fault::Checkpoint { file: WITNESSED.to_owned(), message };
        let (note, checkpoint) = match read_signed(&content, &trust.key) {
            Ok(read) => read,
            Err(message) => {
                self.fault(fault(message));
                return Ok(());
            }
        };
        for witness in &trust.witnesses {
            match note.verify(witness) {
                Ok(_) => self.report.witnessed.push((witness.name().to_owned(), checkpoint.size)),
                Err(error) => self.fault(fault(error.to_string())),
            }
        }
        let known =
            |line: &NoteSignature| line.is_of(&trust.key) || trust.witnesses.iter().any(|witness| line.is_of(witness));
        let strangers = note.signatures().iter().filter(|line| !known(line)).map(|line| line.name().to_owned());
        self.report.unchecked.extend(strangers);
        self.compare("the log, before a witness,", &checkpoint, now)
    }

    /// Whether the tree of `seen` is how this one begins.
    fn compare(&mut self, by: &str, seen: &Checkpoint, now: &Checkpoint) -> Result<(), AuditError> {
        if seen.size > now.size {
            self.fault(Fault::RolledBack { by: by.to_owned(), seen: seen.size, size: now.size });
            return Ok(());
        }
        let begins = self.root_at(seen.size, now.size)?;
        // Where tiles are missing, that is a fault of its own already.
        if begins.is_some_and(|root| root != seen.root) {
            self.fault(Fault::Rewritten { by: by.to_owned(), seen: seen.size });
        }
        Ok(())
    }

    /// The root of the first `size` of `of` entries.
    fn root_at(&self, size: u64, of: u64) -> Result<Option<Hash>, AuditError> {
        let mut gone = false;
        let mut node = |node: proof::Node| {
            let found = tile::node(node, of, &mut |tile| self.peek_hashes(tile).map(Option::unwrap_or_default))?;
            gone |= found.is_none();
            Ok::<_, AuditError>(found.unwrap_or_else(Hash::empty))
        };
        let root = proof::root(size, &mut node)?;
        Ok((!gone).then_some(root))
    }
}

/// Of the log or of a witness: both are signatures over what was seen.
fn signed_by_any(content: &[u8], trust: &Trust) -> Result<(String, Checkpoint), String> {
    let by_log = read_signed(content, &trust.key);
    let origin = trust.key.name();
    match by_log {
        Ok((_, checkpoint)) => Ok(("the log".to_owned(), checkpoint)),
        Err(message) => {
            let by_witness = |key: &VerifierKey| {
                let (_, checkpoint) = read_signed(content, key).ok()?;
                (checkpoint.origin == origin).then(|| (format!("the witness `{}`", key.name()), checkpoint))
            };
            trust.witnesses.iter().find_map(by_witness).ok_or(message)
        }
    }
}
