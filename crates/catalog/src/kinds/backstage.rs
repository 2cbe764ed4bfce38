//! The rules of each kind.

use super::shape::{Field, Shape};
use super::{RelationField, Rules};

const BACKSTAGE: &[&str] = &["backstage.io/v1alpha1", "backstage.io/v1beta1"];
const ALPHA: &[&str] = &["backstage.io/v1alpha1"];
const SCAFFOLDER: &[&str] = &["scaffolder.backstage.io/v1beta3"];

const NAMES: Shape = Shape::List(&Shape::NonEmpty);

const LINK: &[Field] = &[
    Field::must("url", Shape::NonEmpty),
    Field::may("title", Shape::NonEmpty),
    Field::may("icon", Shape::NonEmpty),
    Field::may("type", Shape::NonEmpty),
];

/// `metadata` of every kind. The format of names, keys and tags is checked beside this.
pub(crate) const METADATA: &[Field] = &[
    Field::may("uid", Shape::NonEmpty),
    Field::may("etag", Shape::NonEmpty),
    Field::must("name", Shape::NonEmpty),
    Field::may("namespace", Shape::NonEmpty),
    Field::may("title", Shape::NonEmpty),
    Field::may("description", Shape::Text),
    Field::may("labels", Shape::Others(&[], &Shape::Text)),
    Field::may("annotations", Shape::Others(&[], &Shape::Text)),
    Field::may("tags", NAMES),
    Field::may("links", Shape::List(&Shape::Object(LINK))),
];

const fn relation(
    field: &'static str,
    (relation, inverse): (&'static str, &'static str),
    default_kind: Option<&'static str>,
    allowed_kinds: &'static [&'static str],
) -> RelationField {
    RelationField { field, relation, inverse, default_kind, allowed_kinds }
}

const OWNED_BY: (&str, &str) = ("ownedBy", "ownerOf");
const PART_OF: (&str, &str) = ("partOf", "hasPart");
const HAS_PART: (&str, &str) = ("hasPart", "partOf");
const DEPENDS_ON: (&str, &str) = ("dependsOn", "dependencyOf");
const DEPENDENCY_OF: (&str, &str) = ("dependencyOf", "dependsOn");
const PROVIDES_API: (&str, &str) = ("providesApi", "apiProvidedBy");
const CONSUMES_API: (&str, &str) = ("consumesApi", "apiConsumedBy");
const CHILD_OF: (&str, &str) = ("childOf", "parentOf");
const PARENT_OF: (&str, &str) = ("parentOf", "childOf");
const HAS_MEMBER: (&str, &str) = ("hasMember", "memberOf");
const MEMBER_OF: (&str, &str) = ("memberOf", "hasMember");

const OWNER: RelationField = relation("owner", OWNED_BY, Some("Group"), &["Group", "User"]);
const SYSTEM: RelationField = relation("system", PART_OF, Some("System"), &[]);
const DEPENDS: RelationField = relation("dependsOn", DEPENDS_ON, None, &[]);
const DEPENDENCY: RelationField = relation("dependencyOf", DEPENDENCY_OF, None, &[]);
const AI_SYSTEM: RelationField = relation("system", PART_OF, Some("System"), &["System"]);

const fn ai_resources(field: &'static str, names: (&'static str, &'static str)) -> RelationField {
    relation(field, names, Some("AiResource"), &["AiResource"])
}

const PROFILE: Shape = Shape::Object(&[
    Field::may("displayName", Shape::NonEmpty),
    Field::may("email", Shape::NonEmpty),
    Field::may("picture", Shape::NonEmpty),
]);

const TYPE: Field = Field::must("type", Shape::NonEmpty);
const LIFECYCLE: Field = Field::must("lifecycle", Shape::NonEmpty);
const OWNER_FIELD: Field = Field::must("owner", Shape::NonEmpty);
const SYSTEM_FIELD: Field = Field::may("system", Shape::NonEmpty);

const REMOTE: &[Field] = &[Field::must("type", Shape::NonEmpty), Field::must("url", Shape::NonEmpty)];

const PERMISSIONS: Field =
    Field::may("backstage:permissions", Shape::Object(&[Field::may("tags", Shape::List(&Shape::Text))]));

const STEP: &[Field] = &[
    Field::may("id", Shape::Text),
    Field::may("name", Shape::Text),
    Field::must("action", Shape::Text),
    Field::may("input", Shape::Object(&[])),
    Field::may("if", Shape::TextOrBoolean),
    PERMISSIONS,
];

const FORM_DECORATORS: Shape =
    Shape::List(&Shape::Object(&[Field::may("id", Shape::Text), Field::may("input", Shape::Object(&[]))]));

const OUTPUT_LINK: &[Field] = &[
    Field::may("if", Shape::TextOrBoolean),
    Field::may("url", Shape::NonEmpty),
    Field::may("entityRef", Shape::NonEmpty),
    Field::may("title", Shape::NonEmpty),
    Field::may("icon", Shape::NonEmpty),
];

const OUTPUT_TEXT: &[Field] = &[
    Field::may("if", Shape::TextOrBoolean),
    Field::may("title", Shape::NonEmpty),
    Field::may("icon", Shape::NonEmpty),
    Field::may("content", Shape::Text),
];

const OUTPUT: &[Field] = &[
    Field::may("links", Shape::List(&Shape::Object(OUTPUT_LINK))),
    Field::may("text", Shape::List(&Shape::Object(OUTPUT_TEXT))),
];

const TEMPLATE: &[Field] = &[
    TYPE,
    Field::may("owner", Shape::NonEmpty),
    Field::may("lifecycle", Shape::NonEmpty),
    Field::may(
        "parameters",
        Shape::ObjectOrList(&[PERMISSIONS], &[Field::may("when", Shape::TextOrBoolean), PERMISSIONS]),
    ),
    Field::may("secrets", Shape::Object(&[Field::may("schema", Shape::Object(&[]))])),
    Field::may(
        "presentation",
        Shape::Object(&[Field::may(
            "buttonLabels",
            Shape::Object(&[
                Field::may("backButtonText", Shape::Text),
                Field::may("createButtonText", Shape::Text),
                Field::may("reviewButtonText", Shape::Text),
            ]),
        )]),
    ),
    Field::may("EXPERIMENTAL_recovery", Shape::Object(&[Field::may("EXPERIMENTAL_strategy", Shape::Text)])),
    Field::may("formDecorators", FORM_DECORATORS),
    Field::may("EXPERIMENTAL_formDecorators", FORM_DECORATORS),
    Field::must("steps", Shape::List(&Shape::Object(STEP))),
    Field::may("output", Shape::Others(OUTPUT, &Shape::Text)),
];

/// Rows of one kind stand together; the one without a type is the last of them.
pub(crate) const RULES: &[Rules] = &[
    Rules {
        kind: "API",
        api_versions: BACKSTAGE,
        spec_type: Some("mcp-server"),
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::must("remotes", Shape::NonEmptyList(&Shape::Object(REMOTE))),
        ],
        relations: &[OWNER, SYSTEM],
    },
    Rules {
        kind: "API",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[TYPE, LIFECYCLE, OWNER_FIELD, SYSTEM_FIELD, Field::must("definition", Shape::NonEmpty)],
        relations: &[OWNER, SYSTEM],
    },
    Rules {
        kind: "AiResource",
        api_versions: ALPHA,
        spec_type: Some("skill"),
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::may("disciplines", NAMES),
            Field::may("categories", NAMES),
            Field::may("agents", NAMES),
            Field::may("dependsOn", NAMES),
            Field::may("allowedTools", Shape::NonEmpty),
            Field::may("license", Shape::NonEmpty),
            Field::may("compatibility", Shape::AtMost(500)),
        ],
        relations: &[OWNER, AI_SYSTEM, ai_resources("dependsOn", DEPENDS_ON)],
    },
    Rules {
        kind: "AiResource",
        api_versions: ALPHA,
        spec_type: Some("rule"),
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::may("disciplines", NAMES),
            Field::must("category", Shape::NonEmpty),
            Field::must("rationale", Shape::NonEmpty),
        ],
        relations: &[OWNER, AI_SYSTEM],
    },
    Rules {
        kind: "AiResource",
        api_versions: ALPHA,
        spec_type: Some("plugin"),
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::must("skills", NAMES),
            Field::may("version", Shape::NonEmpty),
        ],
        relations: &[OWNER, AI_SYSTEM, ai_resources("skills", HAS_PART)],
    },
    Rules {
        kind: "AiResource",
        api_versions: ALPHA,
        spec_type: Some("marketplace"),
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::must("plugins", NAMES),
            Field::may("version", Shape::NonEmpty),
        ],
        relations: &[OWNER, AI_SYSTEM, ai_resources("plugins", HAS_PART)],
    },
    Rules {
        kind: "AiResource",
        api_versions: ALPHA,
        spec_type: None,
        spec: &[TYPE, LIFECYCLE, OWNER_FIELD, SYSTEM_FIELD],
        relations: &[OWNER, AI_SYSTEM],
    },
    Rules {
        kind: "Component",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[
            TYPE,
            LIFECYCLE,
            OWNER_FIELD,
            SYSTEM_FIELD,
            Field::may("subcomponentOf", Shape::NonEmpty),
            Field::may("providesApis", NAMES),
            Field::may("consumesApis", NAMES),
            Field::may("dependsOn", NAMES),
        ],
        relations: &[
            OWNER,
            relation("subcomponentOf", PART_OF, Some("Component"), &[]),
            relation("providesApis", PROVIDES_API, Some("API"), &[]),
            relation("consumesApis", CONSUMES_API, Some("API"), &[]),
            DEPENDS,
            DEPENDENCY,
            SYSTEM,
        ],
    },
    Rules {
        kind: "Domain",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[OWNER_FIELD, Field::may("subdomainOf", Shape::NonEmpty), Field::may("type", Shape::NonEmpty)],
        relations: &[OWNER, relation("subdomainOf", PART_OF, Some("Domain"), &[])],
    },
    Rules {
        kind: "Group",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[
            TYPE,
            Field::may("profile", PROFILE),
            Field::may("parent", Shape::NonEmpty),
            Field::must("children", NAMES),
            Field::may("members", NAMES),
        ],
        relations: &[
            relation("parent", CHILD_OF, Some("Group"), &["Group"]),
            relation("children", PARENT_OF, Some("Group"), &["Group"]),
            relation("members", HAS_MEMBER, Some("User"), &["User"]),
        ],
    },
    Rules {
        kind: "Location",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[
            Field::may("type", Shape::NonEmpty),
            Field::may("target", Shape::NonEmpty),
            Field::may("targets", NAMES),
            Field::may("presence", Shape::OneOf(&["required", "optional"])),
        ],
        relations: &[],
    },
    Rules {
        kind: "Resource",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[TYPE, OWNER_FIELD, Field::may("dependsOn", NAMES), SYSTEM_FIELD],
        relations: &[OWNER, DEPENDS, DEPENDENCY, SYSTEM],
    },
    Rules {
        kind: "System",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[OWNER_FIELD, Field::may("domain", Shape::NonEmpty), Field::may("type", Shape::NonEmpty)],
        relations: &[OWNER, relation("domain", PART_OF, Some("Domain"), &[])],
    },
    Rules { kind: "Template", api_versions: SCAFFOLDER, spec_type: None, spec: TEMPLATE, relations: &[OWNER] },
    Rules {
        kind: "User",
        api_versions: BACKSTAGE,
        spec_type: None,
        spec: &[Field::may("profile", PROFILE), Field::must("memberOf", NAMES)],
        relations: &[relation("memberOf", MEMBER_OF, Some("Group"), &["Group"])],
    },
];
