//! What a request offers the model and lets the provider do, as far as permission rests on it. Names and numbers
//! only: no content.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use http::Uri;
use serde::Deserialize;
use serde_json::{Number, Value};

use super::Format;
use super::json::{Entries, Raw, Text, has_respelled};
use super::request::{Limits, RequestHead};

/// Names of tools that are told to policy; of more only the number is.
pub const NAMES_MAX: usize = 64;
/// Tools of one remote server that are named one by one; with more, all are asked for.
const REMOTE_TOOLS_MAX: usize = 64;
/// Tools and servers that a provider would run, in one request.
const PROVIDER_TOOLS_MAX: usize = 64;
const WEB_SEARCH: &str = "web_search";
/// Namespaces of tools hold tools; deeper nesting is no request of any provider.
const DEPTH_MAX: usize = 4;

/// What one request offers and asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offer {
    /// The most tokens that one choice may have, when the client says so.
    pub output_tokens_max: Option<u64>,
    /// Answers that are written, at least one.
    pub choices: u64,
    /// What policies are told of the bounds: numbers, or what stands in their place, since an upstream may read `"9"` as 9.
    pub bounds: Bounds,
    /// Names of tools that the client itself would run, in alphabetical order; at most [`NAMES_MAX`].
    pub tool_names: Vec<String>,
    pub tool_count: u64,
    /// What the provider would run by itself, each once.
    pub provider_tools: Vec<ProviderTool>,
}

/// Bounds of an answer, each as far as the client gave one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    pub max_tokens: Option<Value>,
    pub n: Option<Value>,
    pub temperature: Option<Value>,
}

/// A tool that runs without the client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderTool {
    /// The provider's own, by its type.
    Own(String),
    /// Of an MCP server that the provider calls. The label is the client's word, the host is where calls go: with its port where that
    /// is not the scheme's, in the address always.
    Remote { label: String, host: String, address: String, tools: Vec<String> },
}

/// Why tools cannot be read. Then nobody can say what the provider would run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    #[error("`{field}` is not a list of objects with a `type` or a `name`; send it as the API defines it")]
    Shape { field: &'static str },
    #[error("`{field}` is a number that cannot be represented, or is in one; send one of 64 bits")]
    Number { field: &'static str },
    #[error("the server `{label}` has an address that cannot be read; use `https://host/path` without a user")]
    Address { label: String },
    #[error("the request has more than {PROVIDER_TOOLS_MAX} tools that the provider would run; send fewer")]
    TooMany,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    function: Raw<'a>,
    #[serde(borrow, default)]
    custom: Raw<'a>,
    #[serde(borrow, default)]
    tools: Raw<'a>,
    #[serde(borrow, default)]
    server_label: Option<Text<'a>>,
    #[serde(borrow, default)]
    server_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    connector_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    allowed_tools: Raw<'a>,
    #[serde(borrow, default)]
    mcp_server_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    default_config: Raw<'a>,
    #[serde(borrow, default)]
    configs: Raw<'a>,
}

/// The members of what is offered that are read here, at any depth.
const OFFERED: &[&str] = &[
    "type",
    "name",
    "function",
    "custom",
    "tools",
    "server_label",
    "server_url",
    "connector_id",
    "allowed_tools",
    "mcp_server_name",
    "default_config",
    "configs",
    "enabled",
    "tool_names",
    "url",
    "tool_configuration",
];

/// Of a toolset's tools: whether they may run.
#[derive(Deserialize)]
struct Switch {
    #[serde(default)]
    enabled: Option<bool>,
}

/// Chat completions put a function's name one level down.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct AllowedTools<'a> {
    #[serde(borrow, default)]
    tool_names: Raw<'a>,
}

/// Anthropic's `mcp_servers`.
#[derive(Deserialize)]
struct Server<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    url: Text<'a>,
    #[serde(borrow, default)]
    tool_configuration: Option<ToolConfiguration<'a>>,
}

#[derive(Deserialize)]
struct ToolConfiguration<'a> {
    #[serde(borrow, default)]
    allowed_tools: Raw<'a>,
}

/// An item of the Responses API's input; the outcome of a search for tools brings tools along.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    tools: Raw<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
}

impl Offer {
    /// # Errors
    /// When what the provider would run cannot be read.
    pub fn read(format: Format, head: &RequestHead<'_>) -> Result<Self, OfferError> {
        let limits = head.limits;
        limits.check()?;
        // Only what the format has: an upstream that does not know a field is not bound by it. Of two the larger.
        let said: &[Raw<'_>] = match format {
            Format::Chat => &[limits.max_completion_tokens, limits.max_tokens],
            Format::Responses => &[limits.max_output_tokens],
            Format::Completions | Format::Messages => &[limits.max_tokens],
            Format::Embeddings => &[],
        };
        let mut found = Found::default();
        found.tools("tools", head.reach.tools, 0)?;
        found.tools("functions", head.reach.functions, 0)?;
        if format == Format::Responses {
            for item in head.reach.input.read::<Vec<Raw<'_>>>().unwrap_or_default() {
                if !is_object(item) {
                    continue;
                }
                let item = object::<Item<'_>>(item).ok_or(OfferError::Shape { field: "input" })?;
                // What a server listed before is history; only its own tools can be called.
                if item.kind.is_none_or(|kind| kind.0 != "mcp_list_tools") {
                    found.tools("input", item.tools, 0)?;
                }
            }
            // A stored prompt has tools, and a model, that only the provider knows.
            found.own_if(head.reach.prompt, "stored_prompt");
        }
        found.servers(head.reach.mcp_servers)?;
        found.own_if(head.reach.web_search_options, WEB_SEARCH);
        found.own_if(head.reach.enable_search, WEB_SEARCH);
        found.own_if(head.reach.data_sources, "data_sources");
        found.own_if(head.reach.search_parameters, "live_search");
        found.own_if(head.reach.plugins, "plugins");
        // Which model answers is the provider's choice then.
        found.own_if(head.reach.models, "model_fallbacks");
        found.own_if(head.reach.fallbacks, "model_fallbacks");
        if found.provider.len() > PROVIDER_TOOLS_MAX {
            return Err(OfferError::TooMany);
        }
        let written = [limits.n, limits.best_of];
        let choices = written.into_iter().filter_map(|raw| whole(raw).or_else(|| whole_text(raw))).max().unwrap_or(1);
        let output_tokens_max = said.iter().copied().filter_map(whole).max();
        let bounds = Bounds {
            max_tokens: bound(said, output_tokens_max),
            n: bound(&written, Some(choices)),
            temperature: limits.temperature.read::<Value>().map(without_content),
        };
        // Beside one that cannot be read the others bound nothing.
        let is_told = bounds.max_tokens.as_ref().is_none_or(Value::is_u64);
        Ok(Self {
            output_tokens_max: output_tokens_max.filter(|_| is_told),
            choices: choices.max(1),
            bounds,
            tool_names: found.names.into_iter().take(NAMES_MAX).collect(),
            tool_count: found.count,
            provider_tools: found.provider.into_iter().collect(),
        })
    }
}

impl Limits<'_> {
    /// What cannot be read here bounds nothing, and may be read elsewhere.
    fn check(&self) -> Result<(), OfferError> {
        let all = [
            ("max_tokens", self.max_tokens),
            ("max_completion_tokens", self.max_completion_tokens),
            ("max_output_tokens", self.max_output_tokens),
            ("n", self.n),
            ("best_of", self.best_of),
            ("temperature", self.temperature),
        ];
        let unreadable = all.into_iter().find(|(_, raw)| raw.get().is_some() && raw.read::<Value>().is_none());
        unreadable.map_or(Ok(()), |(field, _)| Err(OfferError::Number { field }))
    }
}

/// What a model runs by its very name, whatever the request says.
pub(crate) fn of_model(model: &str) -> Option<ProviderTool> {
    let model = model.to_ascii_lowercase();
    let is_online = model.split(':').skip(1).any(|variant| variant == "online");
    let searches = is_online || ["-search-preview", "-search-api"].iter().any(|part| model.contains(part));
    searches.then(|| ProviderTool::Own(WEB_SEARCH.to_owned()))
}

/// A number of tokens or answers; a fraction counts as the next whole number.
fn whole(raw: Raw<'_>) -> Option<u64> {
    ceiling(&raw.read::<Number>()?)
}

/// As some upstreams read a text.
fn whole_text(raw: Raw<'_>) -> Option<u64> {
    ceiling(&raw.text()?.trim().parse().ok()?)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie between 0 and 2^53")]
fn ceiling(number: &Number) -> Option<u64> {
    number.as_u64().or_else(|| number.as_f64().map(f64::ceil).filter(|n| (0.0..9e15).contains(n)).map(|n| n as u64))
}

/// The largest of what was said, or the first that is no number of tokens or answers.
fn bound(said: &[Raw<'_>], largest: Option<u64>) -> Option<Value> {
    let odd = said.iter().find(|raw| raw.get().is_some() && whole(**raw).is_none());
    let odd = odd.and_then(|raw| raw.read::<Value>()).map(|value| match value {
        // Below zero is without a bound to some engines: no limit may fit it.
        Value::Number(number) => Value::String(number.to_string()),
        other => without_content(other),
    });
    odd.or(largest.map(Value::from))
}

/// Of what is no number its kind, and of a text its beginning.
fn without_content(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(bounded(&text)),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(serde_json::Map::new()),
        plain => plain,
    }
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    count: u64,
    provider: BTreeSet<ProviderTool>,
    /// Tools that toolsets open of the servers in `mcp_servers`, by their names; `None`: all.
    toolsets: BTreeMap<String, Option<Vec<String>>>,
}

impl Found {
    fn tools(&mut self, field: &'static str, raw: Raw<'_>, depth: usize) -> Result<(), OfferError> {
        let unreadable = || OfferError::Shape { field };
        if raw.get().is_none() {
            return Ok(());
        }
        if depth > DEPTH_MAX {
            return Err(unreadable());
        }
        for tool in raw.read::<Vec<Raw<'_>>>().ok_or_else(unreadable)? {
            self.tool(field, &object::<Tool<'_>>(tool).ok_or_else(unreadable)?, depth)?;
        }
        Ok(())
    }

    fn tool(&mut self, field: &'static str, tool: &Tool<'_>, depth: usize) -> Result<(), OfferError> {
        self.count += 1;
        match tool.kind.as_ref().map(|kind| kind.0.as_ref()) {
            // Without a type it is Anthropic's way to offer a tool of the client.
            None | Some("function" | "custom") => {
                let nested = [tool.function, tool.custom].into_iter().find_map(|raw| raw.read::<Named<'_>>()?.name);
                let name = tool.name.as_ref().or(nested.as_ref()).ok_or(OfferError::Shape { field })?;
                if self.names.len() <= NAMES_MAX {
                    self.names.insert(bounded(&name.0));
                }
            }
            Some("namespace") => self.tools(field, tool.tools, depth + 1)?,
            Some("mcp") => self.remote(tool)?,
            Some("mcp_toolset") => self.toolset(tool, field == "tools" && depth == 0),
            Some(kind) => self.own(kind),
        }
        Ok(())
    }

    fn own(&mut self, kind: &str) {
        self.provider.insert(ProviderTool::Own(bounded(kind)));
    }

    fn own_if(&mut self, raw: Raw<'_>, kind: &str) {
        if raw.get().is_some_and(|text| !matches!(text, "false" | "[]")) {
            self.own(kind);
        }
    }

    fn remote(&mut self, tool: &Tool<'_>) -> Result<(), OfferError> {
        if let Some(connector) = &tool.connector_id {
            self.own(&connector.0);
        }
        let Some(url) = &tool.server_url else {
            if tool.connector_id.is_none() {
                self.own("mcp");
            }
            return Ok(());
        };
        let label = tool.server_label.as_ref().map_or(Cow::Borrowed("mcp"), |label| label.0.clone());
        let named = object::<AllowedTools<'_>>(tool.allowed_tools).map(|allowed| allowed.tool_names);
        self.server(&label, &url.0, names(named.unwrap_or(tool.allowed_tools)).as_deref())
    }

    /// Which tools of a server in `mcp_servers` may run: those that are not off by name where the others are off, and else all.
    /// In a place where a provider may not look for it, it turns nothing off.
    fn toolset(&mut self, tool: &Tool<'_>, is_read: bool) {
        let Some(server) = &tool.mcp_server_name else { return };
        let names = if is_read && is_off(tool.default_config) { not_off(tool.configs) } else { None };
        let open = self.toolsets.entry(server.0.clone().into_owned()).or_insert_with(|| Some(Vec::new()));
        *open = open.take().zip(names).map(|(known, more)| [known, more].concat());
    }

    fn servers(&mut self, raw: Raw<'_>) -> Result<(), OfferError> {
        if raw.get().is_none() {
            return Ok(());
        }
        let servers = raw.read::<Vec<Server<'_>>>().ok_or(OfferError::Shape { field: "mcp_servers" })?;
        for server in servers {
            let toolset = self.toolsets.get(server.name.0.as_ref()).cloned();
            let allowed = server.tool_configuration.map(|configured| names(configured.allowed_tools));
            // Which of the two the provider goes by its version says, so both count.
            let tools = match (toolset, allowed) {
                (Some(on), Some(allowed)) => on.zip(allowed).map(|(on, allowed)| [on, allowed].concat()),
                (on, allowed) => on.or(allowed).flatten(),
            };
            self.server(&server.name.0, &server.url.0, tools.as_deref())?;
        }
        Ok(())
    }

    /// A server that the provider connects to, though it may call none of its tools. `None` leaves every tool open.
    fn server(&mut self, label: &str, url: &str, named: Option<&[String]>) -> Result<(), OfferError> {
        let label = bounded(label);
        let (host, address) = host(url).ok_or_else(|| OfferError::Address { label: label.clone() })?;
        // What only looks like a name may leave every tool open, too.
        let are_names =
            |named: &&[String]| named.len() <= REMOTE_TOOLS_MAX && named.iter().all(|name| !name.contains('*'));
        let tools = match named.filter(are_names) {
            Some(named) => named.iter().map(|name| bounded(name)).collect(),
            None => vec!["*".to_owned()],
        };
        self.provider.insert(ProviderTool::Remote { label, host, address, tools });
        Ok(())
    }
}

fn is_off(config: Raw<'_>) -> bool {
    object::<Switch>(config).is_some_and(|config| config.enabled == Some(false))
}

/// The tools that a toolset names and does not turn off; `None` where that cannot be read. Of one named twice, either counts.
fn not_off(configs: Raw<'_>) -> Option<Vec<String>> {
    if configs.get().is_none() {
        return Some(Vec::new());
    }
    let configs = configs.read::<Entries<'_>>()?.0.into_iter().filter(|(_, config)| !is_off(*config));
    Some(configs.map(|(name, _)| name.0.into_owned()).collect())
}

/// The names in a list; `None` where it has none or is something else, which may leave every tool open.
fn names(raw: Raw<'_>) -> Option<Vec<String>> {
    let names = raw.read::<Vec<Text<'_>>>().filter(|names| !names.is_empty())?;
    Some(names.into_iter().map(|name| name.0.into_owned()).collect())
}

/// A list of values would be read as an object's fields in their order, which no provider does.
fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    let text = raw.get().filter(|_| is_object(raw))?;
    if has_respelled(text, OFFERED) { None } else { raw.read() }
}

fn is_object(raw: Raw<'_>) -> bool {
    raw.get().is_some_and(|text| text.starts_with('{'))
}

/// Names become parts of decisions and of their records.
fn bounded(name: &str) -> String {
    const CHARS_MAX: usize = 128;
    name.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}

/// The host of a URL, with its port where that is not the scheme's and with its port in any case. What two readers of a URL could
/// understand differently is none.
fn host(url: &str) -> Option<(String, String)> {
    if url.contains(['@', '\\', ' ', '\t', '\r', '\n']) {
        return None;
    }
    let uri = Uri::try_from(url).ok()?;
    let usual = match uri.scheme_str()? {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() {
        return None;
    }
    let port = match uri.port_u16() {
        Some(port) => port,
        None if uri.authority()?.as_str() == uri.host()? => usual,
        None => return None,
    };
    let address = format!("{host}:{port}");
    Some((if port == usual { host } else { address.clone() }, address))
}

#[cfg(test)]
mod tests;
