//! Which versions of agents the catalog has approved is in force for permission: what changes is handed over as it comes.

use mizzen_catalog::Catalog;
use mizzen_catalog::approve::Approved;
use mizzen_control::Control;
use mizzen_control::versions::{AgentVersion, AgentVersions};
use mizzen_runtime::task::{TaskGroup, TaskKind};

/// Hands over what there is, so that nothing is asked before it is known, and from then on what changes.
pub(super) fn keep_in_force(catalog: &Catalog, control: &Control, tasks: &TaskGroup) {
    let mut approved = catalog.approved();
    control.versions().publish(of(&approved.borrow_and_update()));
    let control = control.clone();
    tasks.spawn(TaskKind::VersionsInForce, |_| async move {
        while approved.changed().await.is_ok() {
            let versions = of(&approved.borrow_and_update());
            control.versions().publish(versions);
        }
        Ok(())
    });
}

/// By both digests that a key can be bound to: that of the version, and that of the code or image it names.
fn of(approved: &Approved) -> AgentVersions {
    AgentVersions::new(approved.agent_digests().map(|(agent, digest, version)| AgentVersion {
        agent: agent.to_owned(),
        digest: digest.clone(),
        state: version.state.as_str(),
    }))
}
