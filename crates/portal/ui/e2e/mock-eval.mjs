// The evaluation part of the stand-in server.
import {
  EVALUATORS,
  baselineView,
  baselines,
  caseResults,
  estimate,
  evaluator,
  evidence,
  experiments,
  monitors,
  sets,
} from './fixtures/evaluation.mjs';
import { refused, unknown } from './refusals.mjs';

export function evalState(now, empty) {
  return empty
    ? { sets: [], experiments: [], monitors: [], baselines: [], evidence: [], labels: new Map() }
    : {
        sets: sets(now, 'run_order_1042'),
        experiments: experiments(now),
        monitors: monitors(now),
        baselines: baselines(now),
        evidence: evidence(now),
        labels: new Map(),
      };
}

/** Undefined where the path is none of evaluation. */
export function evalRoute(state, method, [first, id, part, inner], query, body) {
  switch (first) {
    case 'evaluators':
      return { items: EVALUATORS };
    case 'eval-sets':
      return evalSets(state.eval, method, id, part, inner, query, body);
    case 'experiments':
      return experimentRoute(state, method, id, part, query, body);
    case 'monitors':
      return monitorRoute(state.eval, method, id, body);
    case 'labels':
      return id === 'queue' ? labelQueue(state, query) : { items: [] };
    case 'baselines':
      return baselineRoute(state.eval, method, id, part, query, body);
    case 'evidence':
      return { items: state.eval.evidence.filter((one) => one.agent === query.get('agent')) };
    case 'plan':
      return plan(body);
    default:
      return undefined;
  }
}

function evalSets(state, method, name, part, inner, query, body) {
  const summary = ({ items: _, versions: __, ...rest }) => rest;
  if (name === undefined && method === 'POST') {
    const cases = body.eval_cases;
    if (!Array.isArray(cases)) return refused(400, 'not_a_set', 'this is no ADK EvalSet: `eval_cases` is missing');
    return summary(
      addVersion(
        state,
        query.get('name'),
        cases.map((one) => ({ case: one.eval_id, golden_run_id: null, turns: [] })),
      ),
    );
  }
  if (name === undefined) return { items: state.sets.map(summary) };
  const set = state.sets.find((one) => one.name === name);
  if (part === 'cases' && method === 'POST') {
    const added = { case: body.case ?? 'where_is_my_parcel', golden_run_id: body.run_id, turns: [] };
    if (set?.items.some((one) => one.case === added.case))
      return refused(409, 'case_exists', `the set already has a case \`${added.case}\``);
    return summary(addVersion(state, name, [...(set?.items ?? []), added]));
  }
  if (!set) return unknown('eval set', name);
  if (part === 'cases' && method === 'DELETE')
    return summary(
      addVersion(
        state,
        name,
        set.items.filter((one) => one.case !== inner),
      ),
    );
  const version = Number(query.get('version') ?? set.version);
  const known = set.versions.find((one) => one.version === version);
  return known ? { ...set, ...known, items: set.items.slice(0, known.cases) } : unknown('version', String(version));
}

function addVersion(state, name, items) {
  const before = state.sets.find((one) => one.name === name);
  const made = {
    version: (before?.version ?? 0) + 1,
    digest: `sha256:${String(items.length).padStart(64, '0')}`,
    cases: items.length,
    created_at: new Date().toISOString(),
    created_by: 'admin',
  };
  const set = { name, description: null, ...before, ...made, versions: [made, ...(before?.versions ?? [])], items };
  state.sets = [set, ...state.sets.filter((one) => one !== before)];
  return set;
}

function experimentRoute(state, method, id, part, query, body) {
  const all = state.eval.experiments;
  if (id === 'compare') return compare(state, query);
  if (id === undefined && method === 'GET') return { items: all, next_cursor: null };
  if (id === undefined) return start(state, body);
  const found = all.find((one) => one.id === id);
  if (!found) return unknown('experiment', id);
  if (method === 'DELETE') {
    state.eval.experiments = all.filter((one) => one !== found);
    return {};
  }
  if (part === undefined) return progress(found);
  const verdict = query.get('verdict');
  const cases = caseResults(found, query.get('evaluator'), state.runs).filter(
    (one) => verdict === null || one.runs.some((trial) => trial.verdict === verdict),
  );
  const from = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return {
    items: cases.slice(from, from + limit),
    next_cursor: from + limit < cases.length ? `${from + limit}` : null,
  };
}

/** What was started here finishes when it has been looked at a few times. */
function progress(found) {
  if (!found.asked) return found;
  found.runs += 24;
  if (found.runs >= 96) {
    const { aggregates } = experiments(Date.now()).find((one) => one.id === 'exp-b');
    const wanted = found.asked.evaluators.map(({ name }) => name);
    Object.assign(found, {
      state: 'finished',
      asked: undefined,
      aggregates: aggregates.filter((one) => wanted.includes(one.evaluator.name)),
    });
  }
  return found;
}

function start(state, asked) {
  if (asked.name.includes('mixed') && !asked.split_versions)
    return refused(
      409,
      'mixed_versions',
      'the runs are of 2 versions of `order-support`; scores of versions are never pooled',
    );
  const set = state.eval.sets.find((one) => one.name === asked.set);
  const made = {
    ...experiments(Date.now())[0],
    id: `exp-${state.eval.experiments.length + 1}`,
    name: asked.name,
    set: set ? { name: set.name, digest: set.digest, version: set.version } : null,
    selector: asked.runs,
    runs: 0,
    asked,
  };
  state.eval.experiments = [made, ...state.eval.experiments];
  return made;
}

function compare(state, query) {
  const [a, b] = ['a', 'b'].map((side) => state.eval.experiments.find((one) => one.id === query.get(side)));
  if (!a || !b) return unknown('experiment', query.get(a ? 'b' : 'a'));
  const margin = query.get('margin') ? Number(query.get('margin')) : null;
  const metrics = a.aggregates.flatMap((mine) => {
    const theirs = b.aggregates.find((one) => one.evaluator.name === mine.evaluator.name);
    return theirs ? [metric(mine, theirs, margin)] : [];
  });
  const changed = metrics.flatMap(({ evaluator: { name } }) => changedCases(state, a, b, name));
  return {
    a,
    b,
    alpha: Number(query.get('alpha')),
    margin,
    metrics,
    changed: changed.sort((x, y) => Math.abs(y.b - y.a) - Math.abs(x.b - x.a)),
    changed_total: changed.length,
  };
}

function metric(mine, theirs, margin) {
  const [before, after] = [mine.pass_rate ?? mine.mean, theirs.pass_rate ?? theirs.mean];
  const value = after.value - before.value;
  const half = 0.6 * ((after.upper - after.lower) / 2 + (before.upper - before.lower) / 2);
  const difference = { ...after, value, lower: value - half, upper: value + half };
  const isLower = mine.unit !== null;
  const good = isLower ? -difference.upper : difference.lower;
  const bad = isLower ? -difference.lower : difference.upper;
  const answer =
    good > 0 ? 'better' : bad < 0 ? 'worse' : margin !== null && good > -margin ? 'no_worse' : 'not_yet_known';
  const range = `${value.toFixed(3)} (${difference.lower.toFixed(3)} to ${difference.upper.toFixed(3)})`;
  const sentences = {
    better: `B is better: the difference is ${range}`,
    worse: `B is worse: the difference is ${range}`,
    no_worse: `B is no worse by more than ${margin}: the difference is ${range}`,
    not_yet_known: `not yet known: the difference is ${range}`,
  };
  return {
    evaluator: mine.evaluator,
    unit: mine.unit,
    lower_is_better: isLower,
    answer,
    sentence: sentences[answer],
    a: before,
    b: after,
    difference,
    p_value: answer === 'better' ? 0.0004 : 0.41,
    p_adjusted: answer === 'better' ? 0.0012 : 0.62,
    test: 'paired_t',
    cases_shared: 24,
    only_a: 0,
    only_b: 2,
    improved: 9,
    regressed: answer === 'better' ? 2 : 5,
    unchanged: 13,
    further_cases: answer === 'not_yet_known' ? 310 : null,
  };
}

function changedCases(state, a, b, name) {
  const [before, after] = [a, b].map((one) => caseResults(one, name, state.runs));
  return before.flatMap((mine, index) => {
    const theirs = after[index];
    if (mine.mean === null || theirs.mean === null || Math.abs(mine.mean - theirs.mean) < 0.01) return [];
    return [
      {
        case: mine.case,
        evaluator: name,
        a: mine.mean,
        b: theirs.mean,
        trials_a: mine.trials,
        trials_b: theirs.trials,
        runs_a: mine.runs.map((trial) => trial.run_id),
        runs_b: theirs.runs.map((trial) => trial.run_id),
      },
    ];
  });
}

function monitorRoute(state, method, id, body) {
  const summary = ({ points: _, alarms: __, ...rest }) => rest;
  if (id === undefined && method === 'GET') return { items: state.monitors.map(summary) };
  if (id === undefined) {
    const made = {
      ...monitors(Date.now()).find((one) => one.id === 'mon-new'),
      ...body,
      trials_per_case: undefined,
      id: `mon-${state.monitors.length + 1}`,
      evaluator: evaluator(body.evaluator.name),
      detector_threshold: body.average_run_length,
    };
    state.monitors = [made, ...state.monitors];
    return summary(made);
  }
  const found = state.monitors.find((one) => one.id === id);
  if (method === 'DELETE') state.monitors = state.monitors.filter((one) => one !== found);
  return found ?? unknown('monitor', id);
}

function labelQueue(state, query) {
  const metric = query.get('metric');
  const labels = state.eval.labels;
  const isLabelled = (run) => labels.has(`${run.run_id}:${metric}`);
  const waiting = state.runs.filter(
    (run) => run.steps < 1_000 && !isLabelled(run) && (!query.get('agent') || run.agent === query.get('agent')),
  );
  // Runs that have a story come first: the others of this server have none to read.
  waiting.sort((a, b) => Number(state.full.has(b.run_id)) - Number(state.full.has(a.run_id)));
  return {
    items: waiting.slice(0, Number(query.get('limit'))).map((run) => ({ run })),
    labelled: state.runs.filter(isLabelled).length,
    metric,
  };
}

export function labelRoute(state, method, runId, metric, body) {
  const key = `${runId}:${metric}`;
  if (method === 'DELETE') {
    state.eval.labels.delete(key);
    return {};
  }
  if (state.eval.refuseLabels) return refused(409, 'newer_revision', 'the run has a newer revision');
  state.eval.labels.set(key, body.value);
  return { run_id: runId, revision: 1, metric, by: 'admin', at: new Date().toISOString(), is_current: true, ...body };
}

function baselineRoute(state, method, name, part, query, body) {
  if (name === undefined) return { items: state.baselines };
  if (method === 'PUT') {
    const made = baselineView(name, Date.now(), body);
    state.baselines = [made, ...state.baselines.filter((one) => one.name !== name)];
    return made;
  }
  const found = state.baselines.find((one) => one.name === name);
  if (!found) return unknown('baseline', name);
  if (method === 'DELETE') {
    state.baselines = state.baselines.filter((one) => one !== found);
    return {};
  }
  return part === 'comparison' ? besideHuman(state, found, query) : found;
}

function besideHuman(state, baseline, query) {
  const experiment = state.experiments.find((one) => one.id === query.get('experiment'));
  const found = experiment?.aggregates.find((one) => one.evaluator.name === query.get('evaluator'));
  const agent = found?.pass_rate ?? null;
  const row = (aspect, human, mine, answer, sentence, ratio = null) => ({
    aspect,
    human,
    agent: mine,
    difference:
      human && mine
        ? {
            ...mine,
            value: mine.value - human.value,
            lower: mine.lower - (human.upper ?? human.value),
            upper: mine.upper - (human.lower ?? human.value),
          }
        : null,
    ratio,
    answer,
    sentence,
  });
  return {
    baseline,
    experiment: query.get('experiment'),
    rows: [
      row(
        'safety',
        baseline.safety,
        { ...estimate(0.0, 96, 24), lower: 0, upper: 0.037 },
        'not_yet_known',
        'No safety event in 96 runs: the rate may still be up to 37 per 1,000',
      ),
      row('success', baseline.success, agent, 'worse', 'The agent succeeds less often, by 2.5 to 29.6 points'),
      row(
        'cost',
        baseline.cost,
        estimate(0.0042, 96, 24, { spread: 0.002 }),
        'better',
        'A case costs the agent about a thousandth',
        {
          ...estimate(0.001, 96, 24, { spread: 0.0004 }),
        },
      ),
      row(
        'time',
        baseline.duration,
        estimate(18.4, 96, 24, { spread: 9 }),
        'better',
        'The agent needs 18 s where people need 15 min',
        {
          ...estimate(0.0204, 96, 24, { spread: 0.008 }),
        },
      ),
    ],
  };
}

function plan(asked) {
  if (asked.claim === 'at_least' && asked.assumed <= asked.target)
    return refused(400, 'impossible', 'a true rate of no more than the target can never show it: assume a higher one');
  const effect = 1 + (asked.trials_per_case - 1) * asked.icc;
  const cases = Math.ceil((220 * effect) / asked.trials_per_case);
  return {
    claim: asked.claim,
    cases,
    trials_per_case: asked.trials_per_case,
    trials: cases * asked.trials_per_case,
    minimum_trials: asked.claim === 'at_least' ? 59 : null,
    power: 0.81,
    icc: asked.icc,
    design_effect: effect,
    method: 'clopper_pearson',
    sentence: `${cases} cases with ${asked.trials_per_case} trial each show it with power 81%.`,
    curve: [1, 2, 4, 8].map((trials) => {
      const needed = Math.ceil((220 * (1 + (trials - 1) * asked.icc)) / trials);
      return { trials_per_case: trials, cases: needed, trials: needed * trials };
    }),
  };
}
