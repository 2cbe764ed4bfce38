// The shop's tool server: MCP over standard input and output, one JSON message a line (protocol of 2025-11-25).
//
// `refund_order` gives money back, which nobody takes back again: it is what the boundary asks evidence for.

import { createInterface } from "node:readline";

const order = { type: "object", properties: { order_id: { type: "string" } }, required: ["order_id"] };
const refund = {
  type: "object",
  properties: { order_id: { type: "string" }, amount: { type: "number" } },
  required: ["order_id", "amount"],
};
const tools = [
  {
    name: "find_order",
    description: "What was ordered, what was paid and what was refunded.",
    inputSchema: order,
    annotations: { readOnlyHint: true },
  },
  {
    name: "refund_order",
    description: "Give money back for an order. It cannot be undone.",
    inputSchema: refund,
    annotations: { destructiveHint: true },
  },
];
const text = (text) => ({ content: [{ type: "text", text }], isError: false });
const call = {
  find_order: ({ order_id }) => text(`${order_id}: deck lantern, 64.00 euros paid, nothing refunded`),
  refund_order: ({ order_id, amount }) => text(`refunded ${amount.toFixed(2)} euros for ${order_id}`),
};
const methods = {
  initialize: () => ({
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "shop", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools }),
  "tools/call": ({ name, arguments: given }) => call[name](given),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const answer = methods[method]
    ? { result: methods[method](params ?? {}) }
    : { error: { code: -32601, message: `no method ${method}` } };
  console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
}
