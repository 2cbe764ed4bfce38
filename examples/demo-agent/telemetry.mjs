// Spans as an instrumented SDK sends them: OpenTelemetry's GenAI conventions, exported as OTLP/JSON to
// OTEL_EXPORTER_OTLP_ENDPOINT at the end. Without an endpoint nothing is sent.

import { randomBytes } from "node:crypto";

const KINDS = { INTERNAL: 1, SERVER: 2, CLIENT: 3 };
const ERROR = 2;

export class Tracer {
  #service;
  #spans = [];

  constructor(service) {
    this.#service = process.env.OTEL_SERVICE_NAME || service;
  }

  /** The caller's context, when the environment carries one, else a new trace. */
  root() {
    const [, traceId, spanId] = process.env.TRACEPARENT?.match(/^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/) ?? [];
    return { traceId: traceId ?? randomBytes(16).toString("hex"), spanId };
  }

  start(name, kind, parent, attributes) {
    const span = new Span(name, kind, parent, attributes);
    this.#spans.push(span);
    return span;
  }

  async flush() {
    const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
    if (!endpoint || this.#spans.length === 0) return;
    const scope = { name: "demo-agent", version: "1.0.0" };
    const spans = this.#spans.splice(0).map((span) => span.toJSON());
    const resource = { attributes: attributeList({ "service.name": this.#service, ...pairs("OTEL_RESOURCE_ATTRIBUTES") }) };
    const response = await fetch(`${endpoint.replace(/\/$/, "")}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json", ...pairs("OTEL_EXPORTER_OTLP_HEADERS") },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }),
    });
    if (!response.ok) console.error(`spans were not taken: ${response.status} ${await response.text()}`);
  }
}

class Span {
  #fields;
  #attributes;
  #started = process.hrtime.bigint();

  constructor(name, kind, parent, attributes) {
    this.traceId = parent.traceId;
    this.spanId = randomBytes(8).toString("hex");
    this.#fields = {
      name,
      kind: KINDS[kind],
      traceId: this.traceId,
      spanId: this.spanId,
      ...(parent.spanId && { parentSpanId: parent.spanId }),
      flags: 1,
      startTimeUnixNano: String(BigInt(Date.now()) * 1_000_000n),
    };
    this.#attributes = { ...attributes };
  }

  set(key, value) {
    this.#attributes[key] = value;
  }

  fail(error) {
    this.#fields.status = { code: ERROR, message: error.message };
    this.#attributes["error.type"] = error.name;
    this.#fields.events = [
      {
        name: "exception",
        timeUnixNano: this.#now(),
        attributes: attributeList({ "exception.type": error.name, "exception.message": error.message }),
      },
    ];
  }

  end() {
    this.#fields.endTimeUnixNano = this.#now();
  }

  /** W3C trace context for the calls made within this span. */
  headers() {
    return { traceparent: `00-${this.traceId}-${this.spanId}-01` };
  }

  /** This span as the parent of another agent's work. */
  asAgentCall() {
    return { traceId: this.traceId, spanId: this.spanId, isAgentCall: true };
  }

  toJSON() {
    return { ...this.#fields, attributes: attributeList(this.#attributes) };
  }

  #now() {
    return String(BigInt(this.#fields.startTimeUnixNano) + (process.hrtime.bigint() - this.#started));
  }
}

/** Lists of strings are arrays in OTLP; other structures are JSON in a string, as the conventions have it. */
function attributeList(attributes) {
  const value = (v) => {
    if (Array.isArray(v) && v.every((item) => typeof item === "string")) return { arrayValue: { values: v.map(value) } };
    if (typeof v === "number") return Number.isInteger(v) ? { intValue: String(v) } : { doubleValue: v };
    if (typeof v === "boolean") return { boolValue: v };
    return { stringValue: typeof v === "string" ? v : JSON.stringify(v) };
  };
  return Object.entries(attributes)
    .filter(([, v]) => v !== undefined)
    .map(([key, v]) => ({ key, value: value(v) }));
}

/** `a=1,b=two%20words` from an environment variable, as OpenTelemetry writes attributes and headers. */
function pairs(variable) {
  const entries = (process.env[variable] ?? "").split(",").filter((pair) => pair.includes("="));
  return Object.fromEntries(
    entries.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
    }),
  );
}
