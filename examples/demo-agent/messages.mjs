// Anthropic's Messages API over fetch, whole and streamed.

import { events, post, schema } from "./http.mjs";

export const provider = "anthropic";

export function begin(_agent, question) {
  return [{ role: "user", content: question }];
}

export function addResults(conversation, answer, results) {
  conversation.push({ role: "assistant", content: answer.blocks });
  conversation.push({
    role: "user",
    content: results.map(({ call, text, isError }) => ({
      type: "tool_result",
      tool_use_id: call.id,
      content: text,
      ...(isError && { is_error: true }),
    })),
  });
}

export async function complete({ model, agent, conversation, stream, headers }) {
  const base = process.env.ANTHROPIC_BASE_URL ?? "https://api.anthropic.com";
  const tools = Object.entries(agent.tools).map(([name, tool]) => ({
    name,
    description: tool.description,
    input_schema: schema(tool.parameters),
  }));
  const response = await post(
    `${base}/v1/messages`,
    { ...headers, "x-api-key": process.env.ANTHROPIC_API_KEY ?? "", "anthropic-version": "2023-06-01" },
    { model, max_tokens: 1024, system: agent.instructions, messages: conversation, tools, stream },
  );
  const message = stream ? await collect(response) : await response.json();
  const { input_tokens = 0, cache_read_input_tokens = 0, cache_creation_input_tokens = 0 } = message.usage;
  const said = message.content.filter((block) => block.type === "text");
  const used = message.content.filter((block) => block.type === "tool_use");
  return {
    id: message.id,
    model: message.model,
    blocks: message.content,
    text: said.map((block) => block.text).join(""),
    calls: used.map((block) => ({ id: block.id, name: block.name, arguments: block.input })),
    finish: message.stop_reason,
    inputTokens: input_tokens + cache_read_input_tokens + cache_creation_input_tokens,
    outputTokens: message.usage.output_tokens,
  };
}

async function collect(response) {
  let message;
  const json = [];
  for await (const { data } of events(response)) {
    const event = JSON.parse(data);
    if (event.type === "error") throw new Error(`the model failed: ${event.error.message}`);
    if (event.type === "message_start") message = event.message;
    if (event.type === "content_block_start") message.content[event.index] = event.content_block;
    if (event.type === "content_block_delta") {
      if (event.delta.type === "text_delta") message.content[event.index].text += event.delta.text;
      if (event.delta.type === "input_json_delta") json[event.index] = (json[event.index] ?? "") + event.delta.partial_json;
    }
    if (event.type === "content_block_stop" && json[event.index]) {
      message.content[event.index].input = JSON.parse(json[event.index]);
    }
    if (event.type === "message_delta") {
      message.stop_reason = event.delta.stop_reason;
      Object.assign(message.usage, event.usage);
    }
  }
  return message;
}
