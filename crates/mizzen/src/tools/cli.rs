//! What a person may type after `mizzen tools`.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{ClientArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// Tool servers, how they are, and how many of their tools are withheld.
    List(ListArgs),
    /// One server and its tools: what is pinned, what changed, what is suspicious.
    Show(ShowArgs),
    /// Add a tool server, or change one: a command after `--`, or `--address`.
    Add(Box<AddArgs>),
    /// Forget a tool server, and what was approved of it.
    Remove(NameArgs),
    /// Approve what tools say now: one, or with `--all` all that are withheld.
    Pin(PinArgs),
    /// Ask a server again what it offers.
    Refresh(NameArgs),
    /// Curated views of the tool servers, each at an address of its own.
    #[command(subcommand)]
    Profiles(ProfilesCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// All profiles.
    List(ListArgs),
    /// Add a profile, or change one.
    Add(ProfileArgs),
    /// Forget a profile.
    Remove(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The server's name.
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The server's name: `a-z`, `0-9` and `-`.
    pub(crate) name: String,
    /// The address of a server that speaks Streamable HTTP.
    #[arg(long = "address", id = "address", value_name = "URL", conflicts_with = "command")]
    pub(crate) address: Option<String>,
    /// A header that every request to it carries; never a secret.
    #[arg(long = "header", value_name = "NAME=VALUE", requires = "address")]
    pub(crate) headers: Vec<String>,
    /// The secret that opens it, by the name under which `mizzen keys add` stored it; sent as `Authorization: Bearer`.
    #[arg(long, value_name = "NAME", requires = "address")]
    pub(crate) secret: Option<String>,
    /// Exchange the secret, as that of this OAuth client, for tokens.
    #[arg(long, value_name = "ID", requires = "secret", requires = "token_url")]
    pub(crate) client_id: Option<String>,
    /// Where tokens are given out.
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub(crate) token_url: Option<String>,
    /// A variable of its environment.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// A variable whose value is a stored secret.
    #[arg(long = "env-secret", value_name = "NAME=SECRET")]
    pub(crate) env_secrets: Vec<String>,
    /// What its results bring into a run.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) touches: Vec<Touch>,
    /// Withhold every tool until a person approves it.
    #[arg(long)]
    pub(crate) approval: bool,
    /// Bytes of one answer of it that are read at most; 16 MiB when not given.
    #[arg(long, value_name = "BYTES")]
    pub(crate) result_bytes_max: Option<u64>,
    /// How often what it offers is read again though it announced no change; 300 when not given.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) refresh_seconds: Option<u64>,
    /// The program that speaks MCP over standard input and output, and its arguments.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Touch {
    PrivateData,
    UntrustedContent,
    OutsideReached,
}

#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The server's name.
    pub(crate) server: String,
    /// The tool's name.
    #[arg(required_unless_present = "all")]
    pub(crate) tool: Option<String>,
    /// All tools of the server that are withheld now.
    #[arg(long, conflicts_with = "tool")]
    pub(crate) all: bool,
    /// Take the approval back instead.
    #[arg(long, requires = "tool")]
    pub(crate) withdraw: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The profile's name; agents reach it at `/mcp/NAME`.
    pub(crate) name: String,
    /// Servers, each with the tools it shows if not all: `files`, `files:read_*,list_*`.
    #[arg(required = true, value_name = "SERVER[:PATTERNS]")]
    pub(crate) servers: Vec<String>,
    /// Call tools `server__tool` instead of by their own names.
    #[arg(long)]
    pub(crate) prefixed: bool,
}
