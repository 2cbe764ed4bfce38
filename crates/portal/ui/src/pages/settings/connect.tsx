import { useData } from '../../api/cache';
import type { About } from '../../api/shapes';
import { commandFor } from '../../format/command';
import { Command } from '../../ui/copy';
import { ImportFile } from '../../ui/import-file';

/** Ways in, ready to copy. */
export function Connect() {
  const about = useData<About>('/about').data.value;
  return (
    <div class="connect">
      <h2>Run an agent</h2>
      <p>Sets what SDKs already read, gives the process a key of its own, and prints a summary at the end.</p>
      <Command text={commandFor(location.origin, 'mizzen run -- python agent.py')} />
      <h2>Model gateway</h2>
      <p>For any OpenAI or Anthropic SDK, with an agent key as its API key.</p>
      <Command text={`export OPENAI_BASE_URL=${location.origin}/v1`} />
      <Command text={`export ANTHROPIC_BASE_URL=${location.origin}/anthropic`} />
      <h2>Tool gateway</h2>
      <p>
        For any client of the Model Context Protocol (streamable HTTP), with an agent key as its bearer token. It shows
        the tools of all <a href="/tools">tool servers</a> that the agent may use.
      </p>
      <Command text={`${location.origin}/mcp`} />
      <h2>OpenTelemetry</h2>
      <p>
        Traces, logs and metrics over OTLP. On this machine no key is needed; elsewhere send an agent key as a bearer
        token.
      </p>
      {about && <Command text={`export OTEL_EXPORTER_OTLP_ENDPOINT=${about.otlp_http}`} />}
      {about && (
        <p>
          Over gRPC: <code>{about.otlp_grpc}</code>
        </p>
      )}
      <h2>Import</h2>
      <p>Jaeger JSON, OTLP JSON or JSON Lines, Tempo batches.</p>
      <Command text={commandFor(location.origin, 'mizzen import traces.json')} />
      <ImportFile />
      <h2>HTTP API</h2>
      <p>
        {about && `Mizzen ${about.version}. `}Everything here is also in the{' '}
        <a href="/api/v1/openapi.json" target="_blank" rel="noreferrer">
          OpenAPI document
        </a>{' '}
        and the command line.
      </p>
    </div>
  );
}
