// An agent that answers refund requests, and gives the money back where it may.
//
//   node refund-desk.mjs answer N            N customers ask; each question is a run of its own
//   node refund-desk.mjs refund ORDER AMOUNT one refund through the tool gateway; exit code 3 when a decision refuses it,
//                                            whose code is the last line, and 1 when it fails otherwise

import { randomBytes } from "node:crypto";
import { post } from "../http.mjs";

const key = { authorization: `Bearer ${process.env.OPENAI_API_KEY}` };
const AT_ONCE = 8;

/** One model call in a trace of its own, as a worker that serves one customer after the other makes it. */
async function answer(number) {
  const traceparent = `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;
  const question = `Refund request ${number}: the deck lantern of order A-${1100 + number} arrived broken.`;
  const messages = [
    { role: "system", content: "You decide on refunds by the returns policy. Say what is due in one sentence." },
    { role: "user", content: question },
  ];
  const url = `${process.env.OPENAI_BASE_URL}/chat/completions`;
  const response = await post(url, { ...key, traceparent }, { model: "gpt-5-mini", messages });
  return (await response.json()).choices[0].message.content;
}

/** A tool call in the protocol of 2026-07-28, which needs no session. */
async function refund(order_id, amount) {
  const version = "2026-07-28";
  const params = {
    name: "shop__refund_order",
    arguments: { order_id, amount },
    _meta: {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "refund-desk", version: "1" },
      traceparent: process.env.TRACEPARENT,
    },
  };
  const response = await fetch(process.env.MIZZEN_MCP_URL, {
    method: "POST",
    headers: {
      ...key,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": version,
      "mcp-method": "tools/call",
      "mcp-name": params.name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const body = await response.text();
  const json = body.split("\n").find((line) => line.startsWith("data: "))?.slice(6) ?? body;
  const { result, error } = JSON.parse(json);
  const said = error?.message ?? result.content.map((part) => part.text).join("\n");
  return { said, done: !error && !result.isError, refusal: result?._meta?.["dev.mizzen/decision"]?.code };
}

const [what, ...rest] = process.argv.slice(2);
if (what === "answer") {
  const numbers = Array.from({ length: Number(rest[0]) }, (_, number) => number);
  while (numbers.length > 0) await Promise.all(numbers.splice(0, AT_ONCE).map(answer));
  console.log(`answered ${rest[0]} customers`);
} else if (what === "refund") {
  const { said, done, refusal } = await refund(rest[0], Number(rest[1]));
  console.log(said);
  if (refusal) console.log(refusal);
  process.exitCode = done ? 0 : refusal ? 3 : 1;
} else {
  console.error("usage: refund-desk.mjs answer N | refund ORDER AMOUNT");
  process.exitCode = 2;
}
