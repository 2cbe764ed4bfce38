//! `mizzen tools`: tool servers, what their tools say, and profiles.

mod changes;
pub(crate) mod cli;

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use self::cli::{AddArgs, ListArgs, NameArgs, PinArgs, ProfileArgs, ProfilesCommand, ShowArgs, ToolsCommand, Touch};
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

pub(crate) async fn tools(command: ToolsCommand) -> Result<(), Failure> {
    match command {
        ToolsCommand::List(args) => list(args).await,
        ToolsCommand::Show(args) => show(args).await,
        ToolsCommand::Add(args) => add(*args).await,
        ToolsCommand::Remove(args) => remove(args, "tool-servers").await,
        ToolsCommand::Pin(args) => pin(args).await,
        ToolsCommand::Refresh(args) => refresh(args).await,
        ToolsCommand::Profiles(ProfilesCommand::List(args)) => profiles(args).await,
        ToolsCommand::Profiles(ProfilesCommand::Add(args)) => add_profile(args).await,
        ToolsCommand::Profiles(ProfilesCommand::Remove(args)) => remove(args, "tool-profiles").await,
    }
}

const fn column(heading: &'static str, cell: fn(&Value) -> String) -> Column {
    Column { heading, right: false, cell }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let answer = server.get("/api/v1/tool-servers").await?;
    let columns = [
        column("NAME", |item| output::text(item, "name")),
        column("STATE", |item| output::text(item, "state")),
        column("VERSION", |item| output::text(item, "protocol_version")),
        Column { heading: "TOOLS", right: true, cell: |item| output::text(item, "tools") },
        Column { heading: "WITHHELD", right: true, cell: |item| output::text(item, "withheld") },
        column("TARGET", |item| output::cut(&output::text(item, "target"), 50)),
        column("FAULT", |item| output::cut(&output::text(item, "fault"), 60)),
    ];
    let nothing = "no tool servers; `mizzen tools add NAME -- COMMAND` adds one";
    output::list_or(items(&answer), args.output.format, &columns, nothing)
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map_or(&[], Vec::as_slice)
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let detail = server.get(&path("tool-servers", &args.name)).await?;
    if args.output.format != Format::Table {
        return output::value(&detail, args.output.format);
    }
    let about = &detail["server"];
    let fault = about["fault"].as_str().map(|fault| format!(": {}", output::one_line(fault))).unwrap_or_default();
    output::say(&format!("`{}` is {}{fault}", args.name, output::text(about, "state")));
    if let Some(downgraded) = about["downgraded"].as_str() {
        output::say(&output::one_line(downgraded));
    }
    let columns = [
        column("TOOL", |item| output::text(item, "tool")),
        column("STATE", |item| output::text(item, "state")),
        column("READ-ONLY", |item| output::text(item, "read_only")),
        column("APPROVED BY", |item| output::text(&item["pin"], "approved_by")),
        column("WHY WITHHELD", why_withheld),
        column("CHANGED", |item| {
            let changes = item["changes"].as_array().into_iter().flatten();
            changes.map(|change| output::text(change, "path")).collect::<Vec<_>>().join(" ")
        }),
    ];
    let definitions = detail["definitions"].as_array().map_or(&[][..], Vec::as_slice);
    output::list(definitions, Format::Table, &columns)?;
    definitions.iter().filter(|definition| definition["state"] == "withheld").try_for_each(changes::tell)
}

/// What it is withheld for, and all else that is suspicious about it.
fn why_withheld(definition: &Value) -> String {
    let Some(first) = definition["withheld"]["detail"].as_str() else { return "-".to_owned() };
    let findings = definition["findings"].as_array().into_iter().flatten();
    let others = findings.filter_map(|finding| finding["detail"].as_str()).filter(|detail| *detail != first);
    output::one_line(&[first].into_iter().chain(others).collect::<Vec<_>>().join("; "))
}

async fn add(args: AddArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let config = config(&args).map_err(Failure::Usage)?;
    let listed = server.get("/api/v1/tool-servers").await?;
    let done = if items(&listed).iter().any(|item| item["name"] == args.name) { "replaced" } else { "added" };
    server.json(Method::PUT, &path("tool-servers", &args.name), Bytes::from(config.to_string())).await?;
    output::say(&format!("`{}` is {done}; `mizzen tools show {}` shows what it offers", args.name, args.name));
    Ok(())
}

fn config(args: &AddArgs) -> anyhow::Result<Value> {
    let transport = match (&args.address, args.command.split_first()) {
        (Some(url), None) => {
            json!({ "kind": "http", "url": url, "headers": pairs(&args.headers)?, "credential": credential(args) })
        }
        (None, Some((command, rest))) => json!({ "kind": "stdio", "command": command, "args": rest,
            "env": pairs(&args.env)?, "env_secrets": pairs(&args.env_secrets)? }),
        _ => {
            return Err(anyhow!(
                "give the server's address with `--address`, or after `--` the command that starts it"
            ));
        }
    };
    let touches = |touch| args.touches.contains(&touch);
    let mut config = json!({
        "transport": transport,
        "pin": args.approval.then_some("approval"),
        "touches": {
            "private_data": touches(Touch::PrivateData),
            "untrusted_content": touches(Touch::UntrustedContent),
            "outside_reached": touches(Touch::OutsideReached),
        },
    });
    let given = [("result_bytes_max", args.result_bytes_max), ("refresh_seconds", args.refresh_seconds)];
    for (key, value) in given.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        config[key] = value.into();
    }
    Ok(config)
}

fn credential(args: &AddArgs) -> Value {
    match (&args.secret, &args.client_id, &args.token_url) {
        (Some(secret), Some(client_id), Some(token_url)) => {
            json!({ "kind": "oauth", "token_url": token_url, "client_id": client_id, "secret": secret })
        }
        (Some(secret), ..) => json!({ "kind": "header", "secret": secret }),
        _ => Value::Null,
    }
}

fn pairs(texts: &[String]) -> anyhow::Result<BTreeMap<&str, &str>> {
    texts.iter().map(|text| text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))).collect()
}

async fn remove(args: NameArgs, plane: &str) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    server.json(Method::DELETE, &path(plane, &args.name), Bytes::new()).await?;
    output::say(&format!("`{}` is removed", args.name));
    Ok(())
}

/// Approves what the server says at this moment; the digest that was read is the one that is approved.
async fn pin(args: PinArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let base = path("tool-servers", &args.server);
    if let (true, Some(tool)) = (args.withdraw, &args.tool) {
        server.json(Method::DELETE, &format!("{base}/tools/{}/pin", encode(tool)), Bytes::new()).await?;
        output::say(&format!("`{tool}` is withheld until it is approved again"));
        return Ok(());
    }
    let detail = server.get(&base).await?;
    let wanted = |definition: &&Value| match &args.tool {
        Some(tool) => definition["tool"] == tool.as_str(),
        None => definition["state"] == "withheld",
    };
    let definitions: Vec<&Value> = detail["definitions"].as_array().into_iter().flatten().filter(wanted).collect();
    if let (true, Some(tool)) = (definitions.is_empty(), &args.tool) {
        return Err(Failure::no(format_args!("`{}` has no tool `{tool}`", args.server)));
    }
    if definitions.is_empty() {
        output::say(&format!("nothing of `{}` is withheld", args.server));
    }
    for definition in definitions {
        let tool = output::text(definition, "tool");
        let body = json!({ "digest": definition["digest"] });
        server.post(&format!("{base}/tools/{}/pin", encode(&tool)), &body).await?;
        output::say(&format!("`{tool}` is pinned as {}", output::text(definition, "digest")));
    }
    Ok(())
}

async fn refresh(args: NameArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let detail = server.post(&format!("{}/refresh", path("tool-servers", &args.name)), &json!({})).await?;
    let about = &detail["server"];
    let (tools, withheld) = (output::text(about, "tools"), output::text(about, "withheld"));
    output::say(&format!("`{}` offers {tools} tools, {withheld} of them withheld", args.name));
    Ok(())
}

async fn profiles(args: ListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let answer = server.get("/api/v1/tool-profiles").await?;
    let columns = [
        column("NAME", |item| output::text(item, "name")),
        column("PATH", |item| output::text(item, "path")),
        column("NAMES", |item| output::text(item, "names")),
        column("SERVERS", |item| {
            let servers = item["servers"].as_array().into_iter().flatten();
            servers.map(|member| output::text(member, "server")).collect::<Vec<_>>().join(" ")
        }),
    ];
    let nothing =
        "no profiles: `/mcp` shows the tools of all servers; `mizzen tools profiles add NAME SERVER` makes a view";
    output::list_or(items(&answer), args.output.format, &columns, nothing)
}

async fn add_profile(args: ProfileArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let members = args.servers.iter().map(|member| match member.split_once(':') {
        Some((name, patterns)) => json!({ "server": name, "tools": patterns.split(',').collect::<Vec<_>>() }),
        None => json!({ "server": member }),
    });
    let mut profile = Map::new();
    profile.insert("names".to_owned(), if args.prefixed { "prefixed" } else { "plain" }.into());
    profile.insert("servers".to_owned(), members.collect());
    let body = Bytes::from(Value::Object(profile).to_string());
    server.json(Method::PUT, &path("tool-profiles", &args.name), body).await?;
    output::say(&format!("agents reach it at {}/mcp/{}", server.url(), args.name));
    Ok(())
}

fn path(plane: &str, name: &str) -> String {
    format!("/api/v1/{plane}/{}", encode(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::why_withheld;

    #[test]
    fn a_tool_that_is_withheld_for_several_reasons_is_told_with_all() {
        let findings = json!([{ "detail": "it has U+200B" }, { "detail": "it speaks of `bank/pay`" }]);
        let told = |detail: &str| why_withheld(&json!({ "withheld": { "detail": detail }, "findings": findings }));
        assert_eq!(told("its definition changed"), "its definition changed; it has U+200B; it speaks of `bank/pay`");
        assert_eq!(told("it has U+200B"), "it has U+200B; it speaks of `bank/pay`", "once");
        assert_eq!(why_withheld(&json!({ "withheld": null, "findings": findings })), "-", "approved as it is");
    }
}
