import { useData } from '../api/cache';
import type { About } from '../api/shapes';
import { commandFor } from '../format/command';
import { Command } from './copy';
import { ImportFile } from './import-file';
import { Empty } from './waiting';

/** What an empty Mizzen teaches: three ways to the first run. */
export function FirstSteps() {
  const about = useData<About>('/about').data.value;
  return (
    <Empty title="No runs yet. Three ways to the first one">
      <ol class="first-steps">
        <li>
          <h3>Run an agent through Mizzen</h3>
          <p>Its model calls go through the gateway and its traces come here. The agent needs no change.</p>
          <Command text={commandFor(location.origin, 'mizzen run -- python agent.py')} />
        </li>
        <li>
          <h3>Point OpenTelemetry here</h3>
          <p>Any SDK or collector. gRPC and HTTP; on this machine no key is needed.</p>
          <Command text={`export OTEL_EXPORTER_OTLP_ENDPOINT=${about?.otlp_http ?? 'http://127.0.0.1:4318'}`} />
        </li>
        <li>
          <h3>Import traces you have</h3>
          <p>Jaeger JSON, OTLP JSON or JSON Lines, Tempo batches.</p>
          <Command text={commandFor(location.origin, 'mizzen import traces.json')} />
          <ImportFile />
        </li>
      </ol>
    </Empty>
  );
}
