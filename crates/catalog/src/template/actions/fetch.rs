//! `fetch:*`: copies out of the template's own folder, rendered or as it is.

use std::sync::Arc;

use mizzen_model::yaml::At;
use serde_json::{Map, Value, json};

use super::{Context, Input, Output, StepFault};
use crate::template::definition::Template;
use crate::template::expression::{Expressions, Fault, Style};
use crate::template::files::{File, Files, FilesError, Glob};
use crate::template::path::FilePath;

/// The ending that `templateFileExtension: true` stands for.
const EXTENSION: &str = ".njk";

pub(super) fn plain(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let (folder, target) = (source_folder(input, &context.template)?, input.folder("targetPath")?);
    let part = context.template.files.part(folder.as_ref());
    for (path, file) in part.iter() {
        context.workspace.put(path.below(target.as_ref())?, file.clone())?;
    }
    context.log.info(format!("copied {} files", part.len()));
    Ok(Output::new())
}

pub(super) fn plain_file(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let (_, file) = source_file(input, &context.template)?;
    let target = input.path("targetPath")?;
    let message = format!("copied `{target}`");
    context.workspace.put(target, file)?;
    context.log.info(message);
    Ok(Output::new())
}

pub(super) async fn template(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let rendering = Rendering::new(input)?;
    let (folder, target) = (source_folder(input, &context.template)?, input.folder("targetPath")?);
    let (template, existing) = (Arc::clone(&context.template), context.workspace.clone());
    let (workspace, count) =
        on_blocking_pool(move || rendering.folder(&template, folder.as_ref(), target.as_ref(), existing)).await?;
    *context.workspace = workspace;
    context.log.info(format!("wrote {count} files"));
    Ok(Output::new())
}

pub(super) async fn template_file(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let rendering = Rendering::new(input)?;
    let (source, file) = source_file(input, &context.template)?;
    let target = input.path("targetPath")?;
    let existing = context.workspace.clone();
    let (workspace, target) = on_blocking_pool(move || {
        let (mut workspace, file) = (existing, rendering.content(&source, file)?);
        rendering.put(&mut workspace, target.clone(), file)?;
        Ok((workspace, target))
    })
    .await?;
    *context.workspace = workspace;
    context.log.info(format!("wrote `{target}`"));
    Ok(Output::new())
}

/// Rendering is work for the processor, and may take its fuel to the end.
async fn on_blocking_pool<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StepFault> + Send + 'static,
) -> Result<T, StepFault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StepFault::new("rendering ended without an answer"))?
}

/// `url`: a folder beside the template. Nothing else can be read: no other machine, no other folder of this one.
fn own_path(input: &Input) -> Result<Option<FilePath>, StepFault> {
    let url = input.needed("url")?;
    if url.contains("://") {
        return Err(StepFault::of(
            "url",
            format!("`{url}` lies elsewhere; a template reads its own folder only, so put it there"),
        ));
    }
    FilePath::parse_folder(url).map_err(|error| StepFault::of("url", error))
}

fn source_folder(input: &Input, template: &Template) -> Result<Option<FilePath>, StepFault> {
    let folder = own_path(input)?;
    if template.files.below(folder.as_ref()).is_empty() {
        let name = folder.map_or_else(|| ".".to_owned(), String::from);
        return Err(StepFault::of("url", format!("the template has no folder `{name}`, or nothing is in it")));
    }
    Ok(folder)
}

fn source_file(input: &Input, template: &Template) -> Result<(FilePath, File), StepFault> {
    let path = own_path(input)?.ok_or_else(|| StepFault::of("url", "`url` must name a file"))?;
    let file = template.files.get(&path).cloned();
    let file = file.ok_or_else(|| StepFault::of("url", format!("the template has no file `{path}`")))?;
    Ok((path, file))
}

/// How files become those that are written.
struct Rendering {
    expressions: Expressions,
    context: minijinja::Value,
    /// Neither content nor name is rendered.
    untouched: Vec<Glob>,
    /// Content is not rendered.
    plain: Vec<Glob>,
    /// Only files of this ending are rendered, and lose it.
    extension: Option<String>,
    replaces: bool,
}

impl Rendering {
    fn new(input: &Input) -> Result<Self, StepFault> {
        let cookiecutter = input.flag("cookiecutterCompat")?;
        let style =
            Style { cookiecutter, trim_blocks: input.flag("trimBlocks")?, lstrip_blocks: input.flag("lstripBlocks")? };
        let values = input.object("values")?;
        let name = if cookiecutter { "cookiecutter" } else { "values" };
        let context: Map<String, Value> = [(name.to_owned(), Value::Object(values))].into_iter().collect();
        let globs = |name: &str| {
            let globs = input.texts(name)?.into_iter().map(Glob::new).collect::<Result<Vec<_>, _>>();
            globs.map_err(|error| StepFault::of(name, error))
        };
        let extension = match input.get("templateFileExtension") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(EXTENSION.to_owned()),
            Some(_) => input.text("templateFileExtension")?.map(str::to_owned),
        };
        Ok(Self {
            expressions: Expressions::new(style),
            context: minijinja::Value::from(minijinja::value::Serde(json!(context))),
            untouched: globs("copyWithoutRender")?,
            plain: globs("copyWithoutTemplating")?,
            extension,
            replaces: input.flag("replace")?,
        })
    }

    /// `existing` with all files of the template's folder below `target`, and how many were written.
    fn folder(
        &self,
        template: &Template,
        folder: Option<&FilePath>,
        target: Option<&FilePath>,
        existing: Files,
    ) -> Result<(Files, usize), StepFault> {
        let (mut workspace, mut count) = (existing, 0);
        for (path, file) in template.files.iter() {
            let Some(inner) = path.relative_to(folder) else { continue };
            let matches = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(inner));
            let stem = self.extension.as_deref().map(|ending| inner.strip_suffix(ending));
            let is_untouched = matches(&self.untouched) || stem == Some(None);
            let name = match is_untouched {
                true => inner.to_owned(),
                false => self.name(path, stem.flatten().unwrap_or(inner))?,
            };
            // A name that comes out empty is how a template leaves out a file or a folder.
            if name.split('/').any(str::is_empty) {
                continue;
            }
            let target = FilePath::parse(&name).and_then(|name| name.below(target));
            let target = target.map_err(|error| at_name(path, format!("its name becomes unsafe: {error}")))?;
            let is_plain = is_untouched || matches(&self.plain);
            let file = if is_plain { file.clone() } else { self.content(path, file.clone())? };
            count += usize::from(self.put(&mut workspace, target, file).map_err(|fault| at_name(path, fault.message))?);
        }
        Ok((workspace, count))
    }

    fn name(&self, path: &FilePath, name: &str) -> Result<String, StepFault> {
        let made = self.expressions.text(name, &self.context);
        made.map_err(|fault| at_name(path, format!("its name cannot be rendered: {}", fault.message)))
    }

    /// What is not text is copied as it is.
    fn content(&self, path: &FilePath, file: File) -> Result<File, StepFault> {
        let Some(text) = file.text() else { return Ok(file) };
        let made = self.expressions.text(text, &self.context).map_err(|Fault { line, column, message }| StepFault {
            place: Some((path.to_string(), At { line, column })),
            ..StepFault::new(message)
        })?;
        Ok(File { content: made.into(), executable: file.executable })
    }

    /// Whether it was written: what is there already stays, unless `replace` says otherwise.
    fn put(&self, workspace: &mut Files, path: FilePath, file: File) -> Result<bool, StepFault> {
        match workspace.add(path.clone(), file.clone()) {
            Err(FilesError::Exists(_)) if self.replaces => workspace.put(path, file)?,
            Err(FilesError::Exists(_)) => return Ok(false),
            added => added?,
        }
        Ok(true)
    }
}

fn at_name(path: &FilePath, message: String) -> StepFault {
    StepFault { place: Some((path.to_string(), At::default())), ..StepFault::new(message) }
}
