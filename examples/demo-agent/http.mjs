// What both model APIs share: JSON requests, server-sent events, parameter schemas.

export async function post(url, headers, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return response;
}

/** The events of a stream, as `{ event, data }`. */
export async function* events(response) {
  const decoder = new TextDecoder();
  let buffer = "";
  for await (const chunk of response.body) {
    buffer += decoder.decode(chunk, { stream: true });
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const field = (name) =>
        block.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join("\n");
      if (field("data")) yield { event: field("event"), data: field("data") };
    }
  }
}

/** `{ city: "string" }` as a JSON schema whose properties are all required. */
export function schema(parameters) {
  const properties = Object.fromEntries(Object.entries(parameters).map(([name, type]) => [name, { type }]));
  return { type: "object", properties, required: Object.keys(parameters) };
}
