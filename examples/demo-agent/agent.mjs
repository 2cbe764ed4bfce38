// Two small agents, written as an ordinary team would write them: a loop over a model and local tools, configured by
// the environment variables that every SDK reads (OPENAI_BASE_URL, OPENAI_API_KEY, ANTHROPIC_…, OTEL_…).
//
//   node agent.mjs [--agent order-support|trip-planner] [--model NAME] [--stream] [--conversation ID] [QUESTION]
//
// It needs Node 20 and nothing else. Exit code 1 when a question could not be answered.

import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import * as chat from "./chat.mjs";
import * as messages from "./messages.mjs";
import { Tracer } from "./telemetry.mjs";
import { orderTools, tripTools, packingTools } from "./tools.mjs";

const AGENTS = {
  "order-support": {
    api: chat,
    model: "gpt-5-mini",
    tools: orderTools,
    instructions:
      "You are the support agent of Harbour Lamps, a shop for ship's lamps. Answer questions about orders, deliveries " +
      "and refunds. Look things up with the tools before you answer; never promise what the returns policy does not. " +
      "Refund only what was paid. Be brief and kind.",
    question: "Hi, this is Ada Lindqvist. Where is my order?",
  },
  "trip-planner": {
    api: messages,
    model: "claude-sonnet-4-5",
    tools: { ...tripTools, ask_packing_adviser: packingAdviser() },
    instructions:
      "You plan short trips by train in Norway. Check the weather and the timetable with the tools, compute totals " +
      "with the calculator, and ask the packing adviser when the weather matters. Answer with a plan of a few lines.",
    question: "Plan a weekend in Bergen for two from Oslo, under 6000 kroner. What should we pack?",
  },
  "packing-adviser": {
    api: messages,
    model: "claude-haiku-4-5",
    tools: packingTools,
    instructions: "You advise what to pack for a trip. Check the packing list before you answer. One sentence.",
  },
};
const TURNS_MAX = 8;

/** A tool that is an agent itself. */
function packingAdviser() {
  return {
    description: "Ask the packing adviser what to pack for a place and its weather.",
    parameters: { destination: "string", weather: "string" },
    run: ({ destination, weather }, context) =>
      ask("packing-adviser", `What do I pack for ${destination}? The forecast: ${weather}.`, context),
  };
}

/** One question to one agent: model and tools in turns until the model has no more calls. */
async function ask(name, question, { tracer, parent, options }) {
  const agent = AGENTS[name];
  const model = (parent.isAgentCall ? undefined : options.model) ?? agent.model;
  const span = tracer.start(`invoke_agent ${name}`, "INTERNAL", parent, {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": name,
    "gen_ai.conversation.id": options.conversation,
    "gen_ai.request.model": model,
    "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: question }] }],
  });
  try {
    const conversation = agent.api.begin(agent, question);
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const answer = await callModel(agent, model, conversation, { tracer, parent: span, options });
      if (answer.calls.length === 0) {
        span.set("gen_ai.output.messages", [
          { role: "assistant", parts: [{ type: "text", content: answer.text }], finish_reason: "stop" },
        ]);
        return answer.text;
      }
      const results = await Promise.all(
        answer.calls.map((call) => callTool(agent, call, { tracer, parent: span, options })),
      );
      agent.api.addResults(conversation, answer, results);
    }
    throw new Error(`no answer after ${TURNS_MAX} turns`);
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

async function callModel(agent, model, conversation, { tracer, parent, options }) {
  const span = tracer.start(`chat ${model}`, "CLIENT", parent, {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": agent.api.provider,
    "gen_ai.request.model": model,
    "gen_ai.conversation.id": options.conversation,
  });
  try {
    const answer = await agent.api.complete({ model, agent, conversation, stream: options.stream, headers: span.headers() });
    span.set("gen_ai.response.model", answer.model);
    span.set("gen_ai.response.id", answer.id);
    span.set("gen_ai.response.finish_reasons", [answer.finish]);
    span.set("gen_ai.usage.input_tokens", answer.inputTokens);
    span.set("gen_ai.usage.output_tokens", answer.outputTokens);
    return answer;
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}

/** A tool's error is told to the model, which may find another way; one that is `fatal` ends the run. */
async function callTool(agent, call, { tracer, parent, options }) {
  const span = tracer.start(`execute_tool ${call.name}`, "INTERNAL", parent, {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": call.name,
    "gen_ai.tool.call.id": call.id,
    "gen_ai.tool.type": "function",
    "gen_ai.tool.call.arguments": call.arguments,
  });
  console.log(`  ${call.name}(${JSON.stringify(call.arguments)})`);
  try {
    const tool = agent.tools[call.name];
    if (!tool) throw new Error(`there is no tool ${call.name}`);
    const result = await tool.run(call.arguments, { tracer, parent: span.asAgentCall(), options });
    const text = typeof result === "string" ? result : JSON.stringify(result);
    span.set("gen_ai.tool.call.result", text);
    return { call, text };
  } catch (error) {
    span.fail(error);
    console.log(`    failed: ${error.message}`);
    if (error.fatal) throw error;
    return { call, text: JSON.stringify({ error: error.message }), isError: true };
  } finally {
    span.end();
  }
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agent: { type: "string", default: "order-support" },
    model: { type: "string" },
    stream: { type: "boolean", default: false },
    conversation: { type: "string", default: `conv-${randomUUID().slice(0, 8)}` },
  },
});
if (!AGENTS[options.agent]) {
  console.error(`unknown agent ${options.agent}; known are ${Object.keys(AGENTS).join(", ")}`);
  process.exit(2);
}
const tracer = new Tracer(options.agent);
const question = positionals.join(" ") || AGENTS[options.agent].question;
console.log(`${options.agent} <- ${question}`);
try {
  const answer = await ask(options.agent, question, { tracer, parent: tracer.root(), options });
  console.log(`${options.agent} -> ${answer}`);
} catch (error) {
  console.error(`${options.agent} gave up: ${error.message}`);
  process.exitCode = 1;
} finally {
  await tracer.flush();
}
