// OpenAI chat completions over fetch, whole and streamed.

import { events, post, schema } from "./http.mjs";

export const provider = "openai";

export function begin(agent, question) {
  return [
    { role: "system", content: agent.instructions },
    { role: "user", content: question },
  ];
}

export function addResults(conversation, answer, results) {
  conversation.push(answer.message);
  for (const { call, text } of results) conversation.push({ role: "tool", tool_call_id: call.id, content: text });
}

export async function complete({ model, agent, conversation, stream, headers }) {
  const base = process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1";
  const tools = Object.entries(agent.tools).map(([name, tool]) => ({
    type: "function",
    function: { name, description: tool.description, parameters: schema(tool.parameters) },
  }));
  const response = await post(
    `${base}/chat/completions`,
    { ...headers, authorization: `Bearer ${process.env.OPENAI_API_KEY ?? ""}` },
    { model, messages: conversation, tools, stream, ...(stream && { stream_options: { include_usage: true } }) },
  );
  const { message, finish, usage, ...rest } = stream ? await collect(response) : whole(await response.json());
  const calls = (message.tool_calls ?? []).map((call) => ({
    id: call.id,
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments || "{}"),
  }));
  return {
    ...rest, message, finish, calls,
    text: message.content ?? "",
    inputTokens: usage?.prompt_tokens,
    outputTokens: usage?.completion_tokens,
  };
}

function whole({ id, model, choices, usage }) {
  return { id, model, usage, message: choices[0].message, finish: choices[0].finish_reason };
}

async function collect(response) {
  const answer = { message: { role: "assistant", content: "" }, finish: undefined, usage: undefined };
  for await (const { data } of events(response)) {
    if (data === "[DONE]") break;
    const chunk = JSON.parse(data);
    answer.id ??= chunk.id;
    answer.model ??= chunk.model;
    answer.usage ??= chunk.usage;
    const choice = chunk.choices[0];
    answer.finish ??= choice?.finish_reason ?? undefined;
    answer.message.content += choice?.delta?.content ?? "";
    for (const part of choice?.delta?.tool_calls ?? []) {
      const calls = (answer.message.tool_calls ??= []);
      calls[part.index] ??= { id: part.id, type: "function", function: { name: part.function.name, arguments: "" } };
      calls[part.index].function.arguments += part.function.arguments ?? "";
    }
  }
  return answer;
}
