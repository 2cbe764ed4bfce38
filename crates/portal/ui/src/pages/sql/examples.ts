/** What the SQL page teaches: the tables and some questions worth asking. */

export const TABLES: [string, string][] = [
  ['runs', 'one row for a run: run_id, agent, status, started_at, duration_ms, input_tokens, output_tokens, cost_usd'],
  [
    'steps',
    'one row for a step: run_id, span_id, kind, agent, model, tool, status, duration_ms, input_tokens, output_tokens, cost_usd, source',
  ],
  ['spans', 'every span as it was sent: trace_id, span_id, name, service, attributes'],
  ['logs', 'log records and events'],
  ['metrics', 'metric data points'],
  [
    'scores',
    'one row for a score of a run: run_id, case, evaluator, score, verdict, status, explanation, experiment, at',
  ],
  [
    'decisions',
    'one row for a decision: decision_id, at, run_id, agent, action, resource, effect, enforced, code, reason, policies',
  ],
];

export const EXAMPLES: [string, string][] = [
  [
    'Failing tools',
    `SELECT tool, count(*) AS calls,\n       sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END) AS errors\nFROM steps\nWHERE tool IS NOT NULL\nGROUP BY tool\nORDER BY errors DESC, calls DESC\nLIMIT 20`,
  ],
  [
    'Cost by agent and model',
    `SELECT agent, model, count(*) AS calls,\n       sum(input_tokens) AS input_tokens,\n       sum(output_tokens) AS output_tokens,\n       sum(cost_usd) AS cost_usd\nFROM steps\nWHERE kind = 'model_call'\nGROUP BY agent, model\nORDER BY cost_usd DESC NULLS LAST\nLIMIT 20`,
  ],
  ['Slowest runs', `SELECT run_id, agent, duration_ms, status\nFROM runs\nORDER BY duration_ms DESC\nLIMIT 20`],
  [
    'Latency of models',
    `SELECT model, count(*) AS calls,\n       approx_percentile_cont(duration_ms, 0.5) AS median_ms,\n       approx_percentile_cont(duration_ms, 0.95) AS p95_ms\nFROM steps\nWHERE kind = 'model_call'\nGROUP BY model\nORDER BY p95_ms DESC`,
  ],
];
