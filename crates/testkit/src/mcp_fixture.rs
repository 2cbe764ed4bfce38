//! A tool server on `rmcp`, in both eras and over both transports, with every name that the MCP conformance suite calls
//! for, and tools whose definitions change when asked.
//!
//! What it says is JSON text here and read into `rmcp`'s types, so that one sees on the page what goes over the wire.

mod asking;
mod calls;
mod definitions;
mod proxy;
mod rounds;
mod state;
mod tasks;

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::handler::server::ServerHandler;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServiceExt as _};
use serde_json::{Value, json};

pub use self::proxy::proxy;
use self::state::State;

/// Which revisions of the protocol it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Eras {
    #[default]
    Both,
    /// Up to 2025-11-25.
    Stateful,
    /// 2026-07-28.
    Stateless,
}

/// How it behaves.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FixtureOptions {
    #[arg(long, value_enum, default_value_t)]
    pub eras: Eras,
    /// Told as the server's name.
    #[arg(long, default_value = "mizzen-fixture")]
    pub name: String,
    /// Only `test_simple_text` and no more: what benchmarks call.
    #[arg(long)]
    pub small: bool,
    /// Put before every name, URI and description, so that two fixtures have nothing in common.
    #[arg(long, default_value = "")]
    pub prefix: String,
}

/// The server. Cheap to clone; clones share what changes.
#[derive(Debug, Clone)]
pub struct Fixture {
    options: Arc<FixtureOptions>,
    state: Arc<State>,
}

/// The built program that serves the fixture over standard input and output.
///
/// # Errors
/// When it is not beside the running test.
pub fn program() -> anyhow::Result<std::path::PathBuf> {
    crate::mizzen::binary::beside_test("mizzen-mcp-fixture")
}

/// Reads what is written on the page; a mistake there is one of this file.
fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(format!("the fixture is wrong: {error}"), None))
}

/// A result that is whole, which the newer era says and `rmcp` takes out for the older one.
fn complete<T: serde::de::DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    value["resultType"] = "complete".into();
    read(value)
}

impl Fixture {
    #[must_use]
    pub fn new(options: FixtureOptions) -> Self {
        Self { options: Arc::new(options), state: Arc::default() }
    }

    /// The router of the Streamable HTTP transport, at `/mcp`.
    pub fn router(&self) -> axum::Router {
        let config = StreamableHttpServerConfig::default()
            .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"])
            .with_legacy_session_mode(self.options.eras != Eras::Stateless);
        let fixture = self.clone();
        let sessions: Arc<LocalSessionManager> = Arc::default();
        let service = StreamableHttpService::new(move || Ok(fixture.clone()), sessions, config);
        axum::Router::new().nest_service("/mcp", service)
    }

    /// Speaks over standard input and output until the input ends.
    ///
    /// # Errors
    /// When the client does not begin as the protocol says.
    pub async fn serve_stdio(&self) -> anyhow::Result<()> {
        let running = self.clone().serve(rmcp::transport::stdio()).await?;
        running.waiting().await?;
        Ok(())
    }

    fn tools(&self) -> Result<Vec<Tool>, ErrorData> {
        let tools = definitions::tools(&self.state);
        let kept = |tool: &Value| !self.options.small || tool["name"] == "test_simple_text";
        tools.into_iter().filter(kept).map(|tool| read(self.prefixed(tool))).collect()
    }

    fn prefixed(&self, mut definition: Value) -> Value {
        for member in ["name", "uri", "uriTemplate", "description"] {
            if let Some(text) = definition[member].as_str() {
                definition[member] = format!("{}{text}", self.options.prefix).into();
            }
        }
        definition
    }

    /// A name as the tables here have it.
    fn own_name<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(self.options.prefix.as_str()).unwrap_or(name)
    }
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = json!({
            "tools": { "listChanged": true },
            "prompts": { "listChanged": true },
            "resources": { "listChanged": true, "subscribe": true },
            "completions": {},
            "logging": {},
            "extensions": { "io.modelcontextprotocol/tasks": {} },
        });
        let mut info = ServerConfig::new(serde_json::from_value(capabilities).unwrap_or_default());
        info.server_info = Implementation::new(self.options.name.clone(), env!("CARGO_PKG_VERSION"));
        info.instructions = Some("Call what you like; nothing here does anything.".to_owned());
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let all = ProtocolVersion::KNOWN_VERSIONS.iter();
        let is_stateless = |version: &&ProtocolVersion| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str();
        match self.options.eras {
            Eras::Both => Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS),
            Eras::Stateful => Cow::Owned(all.filter(|version| !is_stateless(version)).cloned().collect()),
            Eras::Stateless => Cow::Owned(all.filter(is_stateless).cloned().collect()),
        }
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools()?))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().ok()?.into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.clone();
        request.name = self.own_name(&name).to_owned().into();
        if let Some(result) = calls::call(&self.state, &request, &context).await? {
            return Ok(result.into());
        }
        let asking = |request: &CallToolRequestParams| match asking::call(request)? {
            Some(response) => Ok(Some(response)),
            None => rounds::call(&self.state, request, &context),
        };
        if let Some(response) = asking(&request)? {
            return match asking::is_older(&context) {
                true => asking::fulfil(response, request, &context, asking).await,
                false => Ok(response),
            };
        }
        match tasks::call(&self.state, &request, &context).await? {
            Some(response) => Ok(response),
            None => Err(ErrorData::invalid_params(format!("unknown tool `{name}`"), None)),
        }
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompts: Result<Vec<Prompt>, ErrorData> =
            definitions::prompts().into_iter().map(|prompt| read(self.prefixed(prompt))).collect();
        Ok(ListPromptsResult::with_all_items(prompts?))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = self.own_name(&request.name);
        if name == "test_input_required_result_prompt" {
            return rounds::prompt(&request);
        }
        let arguments = Value::Object(request.arguments.clone().unwrap_or_default().into_iter().collect());
        let prompt = definitions::prompt(name, &arguments);
        let prompt =
            prompt.ok_or_else(|| ErrorData::invalid_params(format!("unknown prompt `{}`", request.name), None))?;
        Ok(GetPromptResponse::Complete(complete(prompt)?))
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resources: Result<Vec<Resource>, ErrorData> =
            definitions::resources().into_iter().map(|resource| read(self.prefixed(resource))).collect();
        Ok(ListResourcesResult::with_all_items(resources?))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates: Result<Vec<ResourceTemplate>, ErrorData> =
            definitions::templates().into_iter().map(|template| read(self.prefixed(template))).collect();
        Ok(ListResourceTemplatesResult::with_all_items(templates?))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = definitions::resource(self.own_name(&request.uri));
        let unknown = || {
            let data = Some(json!({ "uri": request.uri }));
            ErrorData::resource_not_found(format!("unknown resource `{}`", request.uri), data)
        };
        Ok(ReadResourceResponse::Complete(complete(contents.ok_or_else(unknown)?)?))
    }

    #[allow(deprecated, reason = "clients of the older era subscribe this way")]
    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.state.subscribe(request.uri, context.peer);
        Ok(())
    }

    #[allow(deprecated, reason = "clients of the older era subscribe this way")]
    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.state.unsubscribe(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.state.changes();
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = context.cancelled() => return Ok(()),
            };
            let sink = context.sink();
            let sent = match change {
                Ok(state::Change::Tools) => sink.notify_tool_list_changed().await,
                Ok(state::Change::Prompts) => sink.notify_prompt_list_changed().await,
                Ok(state::Change::Resource(uri)) => sink.notify_resource_updated(uri).await,
                Err(_) => return Ok(()),
            };
            // What the client did not ask for is refused by the sink, and that is no reason to end.
            drop(sent);
        }
    }

    async fn on_initialized(&self, context: rmcp::service::NotificationContext<RoleServer>) {
        self.state.greet(context.peer);
    }

    #[allow(deprecated, reason = "clients of the older era set the level this way")]
    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values = definitions::completions(&request.argument.name, &request.argument.value);
        complete(json!({ "completion": { "values": values, "total": values.len(), "hasMore": false } }))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.state.tasks.get_task(&request.task_id)?))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.state.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.state.tasks.cancel_task(&request.task_id)
    }
}
