//! The checks that come with Mizzen.
//!
//! Each names what it rests on: a risk of the OWASP Top 10 for Agentic Applications (2026, `ASI01` to `ASI10`), or a
//! subcategory of the NIST AI Risk Management Framework 1.0 (NIST AI 100-1). Both are voluntary.

use super::expression::Expression;
use super::{Check, Level};

/// A check as it is written down here.
struct Written {
    id: &'static str,
    title: &'static str,
    when: Option<&'static str>,
    expr: &'static str,
    why: &'static str,
    fix: &'static str,
}

const KNOWN: &[Written] = &[
    Written {
        id: "known.declared",
        title: "Declared in the catalog",
        when: None,
        expr: "entity.declared",
        why: "What traffic alone shows has no owner and no purpose. NIST AI RMF GOVERN 1.6: AI systems are inventoried.",
        fix: "write a catalog entry, or let `mizzen init` write one, and apply it with `mizzen apply -f`",
    },
    Written {
        id: "known.owner",
        title: "An owner who exists",
        when: None,
        expr: "owner.exists && owner.members > 0",
        why: "Somebody must answer for what it does. NIST AI RMF GOVERN 2.1: roles and responsibilities are documented and clear.",
        fix: "name a group with members in `spec.owner`, and apply the group too",
    },
    Written {
        id: "known.contact",
        title: "Somebody can be reached",
        when: None,
        expr: "contact.declared",
        why: "At night the owner's name is not enough. NIST AI RMF GOVERN 2.1: lines of communication are documented and clear.",
        fix: "add a link of type `on-call` to `metadata.links`, an annotation such as `pagerduty.com/integration-id`, or `profile.email` to the owner",
    },
    Written {
        id: "known.purpose",
        title: "Purpose, limits and risk are written down",
        when: None,
        expr: "purpose.declared && purpose.prohibited_uses > 0 && autonomy.declared && risk.declared",
        why: "What it is not for can only be noticed when it is said. NIST AI RMF MAP 1.1: intended purposes are understood and documented.",
        fix: "fill `spec.agent`: `purpose`, `prohibitedUses`, `autonomy` (0 to 4) and `riskTier`",
    },
    Written {
        id: "known.identity",
        title: "An identity of its own",
        when: None,
        expr: "identity.unique",
        why: "With a shared key nobody knows whose call it was, nor can one be stopped alone. OWASP Agentic ASI03: identity and privilege abuse.",
        fix: "`mizzen keys create` with its name as agent, give it that key, and revoke the shared one",
    },
    Written {
        id: "known.traces",
        title: "What it does is seen",
        when: None,
        expr: "traces.share >= 0.99",
        why: "The gateway sees calls, only the agent's own spans say what for. NIST AI RMF MEASURE 2.4: behaviour is monitored in production.",
        fix: "let it send OpenTelemetry with the trace context of its calls: `mizzen run` sets what SDKs read",
    },
];

const CONTROLLED: &[Written] = &[
    Written {
        id: "controlled.boundary",
        title: "A boundary is enforced",
        when: None,
        expr: "boundary.enforced",
        why: "What nobody limits is limited by nothing. OWASP Agentic ASI02: tool misuse and exploitation.",
        fix: "write a boundary that names the agent, watch it in `observe`, then `mizzen policy mode NAME enforce`",
    },
    Written {
        id: "controlled.least_tools",
        title: "No more tools than it uses",
        when: None,
        expr: "size(tools.outside) == 0 && size(tools.unused) == 0",
        why: "A tool that is granted and not needed is only there for who takes the agent over. OWASP Agentic ASI02: tool misuse and exploitation.",
        fix: "take unused tools out of the boundary, and grant or stop what it uses besides",
    },
    Written {
        id: "controlled.irreversible",
        title: "A person approves what cannot be undone",
        when: Some("tools.irreversible > 0"),
        expr: "size(tools.unattended) == 0 && approvals.bypassed == 0",
        why: "A mistake with these tools stays. NIST AI RMF MAP 3.5: human oversight is defined; OWASP Agentic ASI09: human-agent trust exploitation.",
        fix: "set `needs_approval: true` on these tools in the boundary, and enforce it",
    },
    Written {
        id: "controlled.budget",
        title: "A budget with a hard stop",
        when: None,
        expr: "budget.hard_stop",
        why: "An agent in a loop spends until something stops it. OWASP Agentic ASI08: cascading failures.",
        fix: "`mizzen budgets set NAME --agent AGENT --cost-usd 50 --window day`: it refuses what is over it unless its mode is `observe`",
    },
    Written {
        id: "controlled.sandbox",
        title: "Confined where it runs code",
        when: Some("sandbox.declared"),
        expr: "sandbox.confined",
        why: "Code that an agent writes is code of strangers. OWASP Agentic ASI05: unexpected code execution.",
        fix: "nothing here attests a sandbox yet: exempt it with a reason, or do not let it run code",
    },
    Written {
        id: "controlled.stop",
        title: "Stopping it was tried",
        when: None,
        expr: "stop.tested_days <= 90.0",
        why: "A stop that was never tried is a hope. OWASP Agentic ASI10: rogue agents; NIST AI RMF MANAGE 2.4: mechanisms to disengage or deactivate.",
        fix: "`mizzen pause AGENT --reason drill`, see that it stops, then `mizzen resume`",
    },
    Written {
        id: "controlled.denied",
        title: "It keeps within its limits",
        when: None,
        expr: "denied.share <= 0.01",
        why: "An agent that is refused again and again tries what it should not. OWASP Agentic ASI01: agent goal hijack.",
        fix: "look at its refused decisions (page Decisions, or `mizzen query` over the table `decisions`): correct the agent or the boundary",
    },
];

const PROVEN: &[Written] = &[
    Written {
        id: "proven.evidence",
        title: "Measured to reach its thresholds",
        when: None,
        expr: "evals.declared > 0 && evals.met == evals.declared",
        why: "A lower bound about the very digest that runs, not a claim. NIST AI RMF MEASURE 2.3: performance is measured and demonstrated.",
        fix: "declare thresholds in `spec.agent.evals`, and let `mizzen eval run` with the set that each names publish evidence about the digest",
    },
    Written {
        id: "proven.cases",
        title: "On at least fifty cases",
        when: None,
        expr: "evals.clusters >= 50",
        why: "Few cases prove little, however often each is tried. NIST AI RMF MEASURE 2.5: demonstrated to be valid and reliable.",
        fix: "add cases to the eval set; `mizzen eval plan` says how many a claim needs",
    },
    Written {
        id: "proven.regression",
        title: "No worse than the version before",
        when: Some("evals.digests > 1"),
        expr: "size(evals.regressions) == 0",
        why: "A new version has to earn trust anew. NIST AI RMF MEASURE 2.5: demonstrated to be valid and reliable.",
        fix: "`mizzen eval compare` shows the cases that changed; go back or correct them",
    },
    Written {
        id: "proven.adversarial",
        title: "Withstands attacks",
        when: None,
        expr: "evals.adversarial > 0 && evals.adversarial_met == evals.adversarial",
        why: "What it reads may try to give it orders. OWASP Agentic ASI01: agent goal hijack; NIST AI RMF MEASURE 2.7: security and resilience are evaluated.",
        fix: "declare an adversarial set in `spec.agent.evals` (`adversarial: true`) and publish evidence of it",
    },
    Written {
        id: "proven.monitor",
        title: "Monitored, and quiet",
        when: None,
        expr: "monitors.count > 0 && size(monitors.alarmed) == 0",
        why: "What was true at the gate may stop being true. NIST AI RMF MEASURE 2.4: behaviour is monitored in production.",
        fix: "make a monitor with a baseline for the agent; an alarm names the run that raised it",
    },
    Written {
        id: "proven.objectives",
        title: "Meets its objectives",
        when: None,
        expr: "slo.declared > 0 && slo.missed == 0",
        why: "Right, and too slow or too dear, is not useful. NIST AI RMF MANAGE 4.1: monitoring after deployment is implemented.",
        fix: "declare `spec.agent.slo` (`p95Ms`, `errorRate`, `costPerSuccessUsd`), and look at what its runs took",
    },
    Written {
        id: "proven.runbook",
        title: "A runbook and documentation",
        when: None,
        expr: "runbook.declared && docs.exist",
        why: "Whoever is called at night has not written it. NIST AI RMF MANAGE 4.1: incident response and recovery are planned.",
        fix: "name the runbook in `spec.agent.runbook`, and let `mizzen apply -f` bring its documentation (`backstage.io/techdocs-ref: dir:.`)",
    },
];

const TRUSTED: &[Written] = &[
    Written {
        id: "trusted.version",
        title: "What runs is what was approved",
        when: None,
        expr: "running.approved",
        why: "An approval is of one content. OWASP Agentic ASI04: agentic supply chain vulnerabilities.",
        fix: "have the version approved whose digest runs, and bind its key to that digest",
    },
    Written {
        id: "trusted.definitions",
        title: "Its tools are as they were approved",
        when: None,
        expr: "tools.pinned && size(tools.changed) == 0",
        why: "A description that changes behind somebody's back steers the agent. OWASP Agentic ASI04: agentic supply chain vulnerabilities.",
        fix: "`mizzen tools show SERVER` shows what changed; approve it with `mizzen tools pin`, or leave it withheld",
    },
    Written {
        id: "trusted.dependencies",
        title: "Uses only what it declares",
        when: None,
        expr: "dependencies.undeclared == 0",
        why: "Agents and models that nobody named have no owner to ask. OWASP Agentic ASI07: insecure inter-agent communication.",
        fix: "add what traffic shows to `spec.agent.models`, `spec.agent.tools` or `spec.dependsOn`, or stop the use",
    },
    Written {
        id: "trusted.audit",
        title: "The record can be checked",
        when: None,
        expr: "audit.verified",
        why: "Who let it do that must be answered from a record that nobody changed. NIST AI RMF MEASURE 2.8: accountability is examined.",
        fix: "`mizzen audit verify` says which entry is wrong",
    },
    Written {
        id: "trusted.fresh",
        title: "Measured within a month",
        when: None,
        expr: "evals.age_days <= 30.0",
        why: "Models behind the same name change. NIST AI RMF MEASURE 2.4: behaviour is monitored in production.",
        fix: "let a monitor publish evidence, or run the experiment again",
    },
];

/// All of them, in the order of levels.
#[must_use]
pub fn built_in() -> Vec<Check> {
    let levels =
        [(Level::Known, KNOWN), (Level::Controlled, CONTROLLED), (Level::Proven, PROVEN), (Level::Trusted, TRUSTED)];
    levels.into_iter().flat_map(|(level, written)| written.iter().map(move |written| compile(level, written))).collect()
}

#[allow(clippy::expect_used, reason = "the texts are constants of this file, and a test compiles each")]
fn compile(level: Level, written: &Written) -> Check {
    let expression = |text: &str| Expression::compile(text).expect("a check of this file");
    Check {
        id: written.id.to_owned(),
        level,
        title: written.title.to_owned(),
        when: written.when.map(expression),
        expr: expression(written.expr),
        why: written.why.to_owned(),
        fix: written.fix.to_owned(),
        own: false,
    }
}

#[cfg(test)]
mod tests;
