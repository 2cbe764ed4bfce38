//! From a JSON pointer to the line and column it stands at.

use mizzen_model::yaml::{At, Kind, Node};

use crate::validate::{Fault, Part};

/// Where a fault stands: as near to it as the document goes.
pub(super) fn of(root: &Node, fault: &Fault) -> At {
    let mut node = root;
    let mut name = root.at;
    for step in fault.pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        match &node.kind {
            Kind::Map(fields) => {
                let Some((key, value)) = fields.iter().find(|(key, _)| key.name == step) else { break };
                (name, node) = (key.at, value);
            }
            Kind::List(items) => {
                let Some(item) = step.parse().ok().and_then(|index: usize| items.get(index)) else { break };
                (name, node) = (item.at, item);
            }
            _ => break,
        }
    }
    match fault.part {
        Part::Name => name,
        // Of a mapping or list the name is where the eye looks for it.
        Part::Value if matches!(node.kind, Kind::Map(_) | Kind::List(_)) => name,
        Part::Value => node.at,
    }
}
