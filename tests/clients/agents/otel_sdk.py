"""`opentelemetry-sdk` with its OTLP exporter and hand-made spans: no model call goes through the gateway.

OTLP_TRANSPORT chooses the exporter: `http` finds its endpoint in the environment, `grpc` is told OTLP_GRPC_ENDPOINT.
"""

import os

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if os.environ["OTLP_TRANSPORT"] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=os.environ["OTLP_GRPC_ENDPOINT"], insecure=True)
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter()

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("by-hand", "1.0")

with tracer.start_as_current_span("invoke_agent librarian") as agent:
    agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "librarian"})
    with tracer.start_as_current_span("chat gpt-4o", kind=trace.SpanKind.CLIENT) as chat:
        chat.set_attributes({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 34,
        })
    with tracer.start_as_current_span("execute_tool find_book") as tool:
        tool.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find_book"})
        tool.record_exception(KeyError("shelf 9"))
        tool.set_status(trace.StatusCode.ERROR, "no such shelf")
provider.shutdown()
