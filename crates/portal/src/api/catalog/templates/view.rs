//! Templates and what they make, as JSON.

use axum::Json;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mizzen_catalog::EntityRef;
use mizzen_catalog::docs::markdown;
use mizzen_catalog::template::actions::ACTIONS;
use mizzen_catalog::template::files::{File, FileText, WireError};
use mizzen_catalog::template::path::FilePath;
use mizzen_catalog::template::plane::{Listed, Origin, Outcome, Target};
use mizzen_catalog::template::record::{EffectRecord, LogLine};
use mizzen_catalog::template::update::diff;
use mizzen_catalog::version::VersionState;
use mizzen_model::id::Digest;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::ApiError;

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplate {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    namespace: String,
    name: String,
    title: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    owner: Option<String>,
    tags: Vec<String>,
    /// `built_in` or `catalog`.
    origin: &'static str,
    /// Over the template and everything in its folder.
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    state: Option<VersionState>,
    runnable: bool,
    why_not: Option<String>,
    questions: usize,
    steps: usize,
    /// Things that were made from it.
    made: u64,
    /// Of those, from another digest than it has now.
    made_behind: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateList {
    pub(super) items: Vec<CatalogTemplate>,
    /// Whether the server has a folder that projects can be written into.
    pub(super) projects: bool,
}

/// Questions that are asked together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplatePage {
    title: Option<String>,
    description: Option<String>,
    /// JSON Schema; `ui:*` and `enumNames` are hints.
    #[schema(value_type = Object)]
    schema: Value,
}

/// One thing that a template does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateStep {
    id: String,
    name: String,
    action: String,
    /// As written.
    #[serde(rename = "if")]
    condition: Option<String>,
    each: Option<String>,
    line: u32,
    /// Whether it changes something beyond the folder.
    has_effect: bool,
}

/// A template with its questions and steps.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateDetail {
    #[serde(flatten)]
    template: CatalogTemplate,
    pages: Vec<CatalogTemplatePage>,
    step_list: Vec<CatalogTemplateStep>,
    files: Vec<String>,
    source: Option<String>,
    projects: bool,
}

/// A file that is made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogMadeFile {
    path: String,
    bytes: usize,
    executable: bool,
    /// `utf-8` or `base64`.
    encoding: String,
    content: String,
    /// Against the target: `new`, `changed` or `same`.
    change: &'static str,
    /// Unified, of what is changed.
    diff: Option<String>,
}

/// A text for whoever made something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateText {
    title: Option<String>,
    content: String,
    /// The content, which is Markdown, as safe HTML.
    html: String,
}

/// A place to go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CatalogTemplateLink {
    title: Option<String>,
    url: Option<String>,
    icon: Option<String>,
    entity_ref: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateOutput {
    links: Vec<CatalogTemplateLink>,
    text: Vec<CatalogTemplateText>,
}

/// A folder as `.tar.gz`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateArchive {
    file_name: String,
    /// Base64.
    content: String,
}

/// What a template made, or would make.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogTemplateMade {
    #[schema(value_type = String)]
    template: EntityRef,
    #[schema(value_type = String)]
    template_digest: Digest,
    /// Over the answers.
    #[schema(value_type = String)]
    input_digest: Digest,
    dry_run: bool,
    files: Vec<CatalogMadeFile>,
    log: Vec<LogLine>,
    effects: Vec<EffectRecord>,
    #[schema(value_type = Vec<String>)]
    entities: Vec<EntityRef>,
    output: CatalogTemplateOutput,
    /// The folder on the server.
    project: Option<String>,
    archive: Option<CatalogTemplateArchive>,
}

impl CatalogTemplate {
    pub(super) fn of(listed: &Listed) -> Self {
        let Listed { reference, entity, origin, state, template, why_not, made, made_behind } = listed;
        let text = |path: &[&str]| entity.text(path).map(str::to_owned);
        let tags = entity.value(&["metadata", "tags"]).and_then(Value::as_array).into_iter().flatten();
        Self {
            namespace: reference.namespace().to_owned(),
            name: reference.name().to_owned(),
            reference: reference.clone(),
            title: entity.title().to_owned(),
            description: text(&["metadata", "description"]),
            kind: text(&["spec", "type"]),
            owner: text(&["spec", "owner"]),
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            origin: match origin {
                Origin::BuiltIn => "built_in",
                Origin::Catalog => "catalog",
            },
            digest: template.as_ref().map(|template| template.digest.clone()),
            state: *state,
            runnable: why_not.is_none(),
            why_not: why_not.clone(),
            questions: template.as_ref().map_or(0, |template| template.questions()),
            steps: template.as_ref().map_or(0, |template| template.steps.len()),
            made: *made,
            made_behind: *made_behind,
        }
    }
}

impl CatalogTemplateDetail {
    pub(super) fn of(listed: &Listed, projects: bool) -> Self {
        let template = listed.template.as_deref();
        let pages = template.into_iter().flat_map(|template| &template.pages).map(|page| CatalogTemplatePage {
            title: page.title.clone(),
            description: page.description.clone(),
            schema: page.schema.clone(),
        });
        let steps = template.into_iter().flat_map(|template| &template.steps).map(|step| CatalogTemplateStep {
            id: step.id.clone(),
            name: step.name.clone(),
            action: step.action.clone(),
            condition: step.condition.as_ref().map(|node| written(&node.to_json())),
            each: step.each.as_ref().map(|node| written(&node.to_json())),
            line: step.at.line,
            has_effect: ACTIONS.iter().any(|action| action.name == step.action && action.has_effect),
        });
        let files = template.into_iter().flat_map(|template| template.files.below(None)).map(String::from);
        Self {
            template: CatalogTemplate::of(listed),
            pages: pages.collect(),
            step_list: steps.collect(),
            files: files.collect(),
            source: template.map(|template| template.text.to_string()),
            projects,
        }
    }
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `ran`: where it went, when it was no dry run.
pub(super) fn made(outcome: Outcome, ran: Option<Target>) -> Result<Json<CatalogTemplateMade>, ApiError> {
    let Outcome { made, existing, project } = outcome;
    let files = made.files.iter().map(|(path, file)| made_file(path, file, existing.get(path))).collect();
    let archive = match ran {
        Some(Target::Download) if !made.files.is_empty() => {
            let name = made.entities.first().unwrap_or(&made.template).name().to_owned();
            let content = made.files.archive(Some(&name)).map_err(ApiError::internal)?;
            let content = BASE64_STANDARD.encode(content);
            Some(CatalogTemplateArchive { file_name: format!("{name}.tar.gz"), content })
        }
        _ => None,
    };
    Ok(Json(CatalogTemplateMade {
        input_digest: made.answers.digest(),
        template: made.template,
        template_digest: made.template_digest,
        dry_run: ran.is_none(),
        files,
        log: made.log,
        effects: made.effects,
        entities: made.entities,
        output: output(&made.output),
        project: project.filter(|_| ran.is_some()),
        archive,
    }))
}

fn made_file(path: &FilePath, file: &File, existing: Option<&File>) -> CatalogMadeFile {
    let FileText { encoding, content, executable, .. } = FileText::of(path, file);
    let (change, changed) = match existing {
        None => ("new", None),
        Some(same) if same == file => ("same", None),
        Some(_) => ("changed", Some(diff(path, existing, Some(file)))),
    };
    CatalogMadeFile {
        path: path.to_string(),
        bytes: file.content.len(),
        executable,
        encoding,
        content,
        change,
        diff: changed,
    }
}

fn output(output: &Map<String, Value>) -> CatalogTemplateOutput {
    let list = |name: &str| output.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    let links = list("links").into_iter().map(|item| CatalogTemplateLink {
        title: text(&item, "title"),
        url: text(&item, "url").filter(|url| is_address(url)),
        icon: text(&item, "icon"),
        entity_ref: text(&item, "entityRef"),
    });
    let texts = list("text").into_iter().map(|item| {
        let content = text(&item, "content").unwrap_or_default();
        CatalogTemplateText { title: text(&item, "title"), html: markdown::fragment(&content), content }
    });
    CatalogTemplateOutput { links: links.collect(), text: texts.collect() }
}

/// A place of the portal, or a web address: what a template says ends up in a link.
fn is_address(url: &str) -> bool {
    let is_inner = url.starts_with('/') && !url.starts_with("//");
    let is_outer = url.starts_with("https://") || url.starts_with("http://");
    (is_inner || is_outer) && !url.contains(|c: char| c.is_control() || c == '\\')
}

pub(in crate::api) fn wire(error: WireError) -> ApiError {
    ApiError::Field { field: "files", message: error.to_string() }
}
