//! `catalog:*`: writes catalog files, has them taken in, and reads entities.

use serde_json::{Value, json};

use super::{Context, Input, Output, StepFault};
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};
use crate::template::effects::Wanted;
use crate::template::files::File;
use crate::template::path::FilePath;
use crate::template::record::Level;

const CATALOG_FILE: &str = "catalog-info.yaml";
/// Entities of one step.
const ENTITIES_MAX: usize = 100;

/// Takes in a file that was written, or has an address read from now on.
pub(super) async fn register(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let url = match (input.text("catalogInfoUrl")?, input.text("repoContentsUrl")?) {
        (Some(url), _) => Some(url.to_owned()),
        (None, Some(root)) => {
            let path = input.text("catalogInfoPath")?.unwrap_or(CATALOG_FILE);
            Some(format!("{}/{}", root.trim_end_matches('/'), path.trim_start_matches('/')))
        }
        (None, None) => None,
    };
    let registered = match &url {
        Some(url) => context.effect(&Wanted::Location { url: url.clone() }, "catalogInfoUrl", None).await,
        None => register_file(input, context).await,
    };
    match registered {
        Ok(_) => Ok(output(url, context)),
        Err(fault) if input.flag("optional")? => {
            context.log.say(Level::Warn, format!("not registered: {}", fault.message));
            Ok(Output::new())
        }
        Err(fault) => Err(fault),
    }
}

async fn register_file(input: &Input, context: &mut Context<'_>) -> Result<Value, StepFault> {
    // Backstage writes it with a slash before.
    let text = input.text("catalogInfoPath")?.unwrap_or(CATALOG_FILE).trim_start_matches('/');
    let path = FilePath::parse(text).map_err(|error| StepFault::of("catalogInfoPath", error))?;
    let text = context.workspace.get(&path).and_then(File::text).map(str::to_owned);
    let text = text.ok_or_else(|| StepFault::of("catalogInfoPath", format!("no text file `{path}` was written")))?;
    context.effect(&Wanted::Entities { source: path.to_string(), text }, "catalogInfoPath", Some(&path)).await
}

fn output(url: Option<String>, context: &Context<'_>) -> Output {
    let mut output = Output::new();
    if let Some(first) = context.entities.first() {
        output.insert("entityRef".to_owned(), json!(first));
    }
    if let Some(url) = url {
        output.insert("catalogInfoUrl".to_owned(), url.into());
    }
    output
}

pub(super) fn write(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let entity = Value::Object(input.object("entity")?);
    let text = input.text("filePath")?.unwrap_or(CATALOG_FILE);
    let path = FilePath::parse(text).map_err(|error| StepFault::of("filePath", error))?;
    let text = serde_saphyr::to_string(&entity).map_err(|error| StepFault::of("entity", error))?;
    context.log.info(format!("wrote `{path}`"));
    context.workspace.put(path, File::from(text))?;
    Ok(Output::new())
}

pub(super) async fn fetch(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let optional = input.flag("optional")?;
    if input.get("entityRef").is_some() {
        let entity = one(input, "entityRef", input.needed("entityRef")?, optional, context).await?;
        return Ok([("entity".to_owned(), entity)].into_iter().collect());
    }
    let texts = input.texts("entityRefs")?;
    if texts.is_empty() || texts.len() > ENTITIES_MAX {
        return Err(StepFault::of("entityRefs", format!("give `entityRef`, or 1 to {ENTITIES_MAX} `entityRefs`")));
    }
    let mut entities = Vec::with_capacity(texts.len());
    for text in texts {
        entities.push(one(input, "entityRefs", text, optional, context).await?);
    }
    Ok([("entities".to_owned(), Value::Array(entities))].into_iter().collect())
}

async fn one(
    input: &Input,
    name: &str,
    text: &str,
    optional: bool,
    context: &mut Context<'_>,
) -> Result<Value, StepFault> {
    let namespace = input.text("defaultNamespace")?.unwrap_or(DEFAULT_NAMESPACE);
    let reference = EntityRef::parse(text, input.text("defaultKind")?, namespace);
    let reference = reference.map_err(|error| StepFault::of(name, error))?;
    let found = context.effects.entity(&reference).await.map_err(|error| StepFault::of(name, error))?;
    match found {
        None if context.is_dry_run && context.entities.contains(&reference) => {
            context.log.info(format!("`{reference}` will be there"));
            Ok(Value::Null)
        }
        Some(entity) => {
            context.log.info(format!("read `{reference}`"));
            Ok(entity)
        }
        None if optional => {
            context.log.say(Level::Warn, format!("there is no `{reference}`"));
            Ok(Value::Null)
        }
        None => Err(StepFault::of(name, format!("there is no `{reference}` in the catalog"))),
    }
}
