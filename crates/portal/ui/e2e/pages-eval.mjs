/** The evaluation pages. A server that was never evaluated on shows what to do first, others their tables. */

const LIST = 'table.rows tbody tr, .empty';

export async function evalSubject(read) {
  const items = async (path) => (await read(path)).items;
  const [experiments, sets, monitors, baselines] = await Promise.all(
    ['/experiments?limit=20', '/eval-sets', '/monitors', '/baselines'].map(items),
  );
  return { experiments, sets, monitors, baselines };
}

export function evalPages({ experiments, sets, monitors, baselines }) {
  const at = (...parts) => ['/evaluations', ...parts.map(encodeURIComponent)].join('/');
  const finished = experiments.filter(({ state, aggregates }) => state === 'finished' && aggregates.length > 0);
  const failed = experiments.find(({ state }) => state === 'failed');
  const [b, a] = finished;
  const set = sets[0];
  const found = [
    ['experiments', at(), LIST],
    ['experiment-new', '/evaluations?new=1', '.evaluator-field'],
    ['compare-choose', at('compare'), '.empty'],
    ['monitors', at('monitors'), LIST],
    ['monitor-new', `${at('monitors')}?new=1`, '.evaluator-field'],
    ['labels', at('labels'), '.label-keys, .empty'],
    ['sets', at('sets'), LIST],
    ['baselines', at('baselines'), LIST],
    ['baseline-new', `${at('baselines')}?new=1`, '.form'],
    ['evaluators', at('evaluators'), 'table.rows tbody tr'],
    ['plan', at('plan'), '.form'],
  ];
  if (b) found.push(['experiment', at('experiments', b.id), '.cases table.rows tbody tr']);
  if (failed) found.push(['experiment-failed', at('experiments', failed.id), '.run-error']);
  if (a && b) found.push(['compare', `${at('compare')}?a=${a.id}&b=${b.id}&margin=0.05`, '.metric-sentence, .empty']);
  if (set) found.push(['set', at('sets', set.name), 'table.rows tbody tr, .empty']);
  for (const monitor of monitors.slice(0, 3)) {
    found.push([`monitor-${monitor.id}`, at('monitors', monitor.id), '.band-chart canvas, .band-empty']);
  }
  if (monitors[0])
    found.push(['monitor-table', `${at('monitors', monitors[0].id)}?chart=table`, '.band-table table, .band-empty']);
  if (baselines[0]) {
    const beside = b ? `?experiment=${encodeURIComponent(b.id)}` : '';
    found.push(['baseline', `${at('baselines', baselines[0].name)}${beside}`, '.run-facts']);
  }
  return found;
}
