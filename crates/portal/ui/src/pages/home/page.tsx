import { useEffect, useLayoutEffect } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import { onRuns } from '../../api/live';
import type { Overview, RunSummary } from '../../api/shapes';
import { plural } from '../../format/number';
import { failureWords, refusal } from '../../format/refusal';
import { runPath } from '../../router';
import { Ago } from '../../ui/ago';
import { FirstSteps } from '../../ui/first-steps';
import { Icon } from '../../ui/icon';
import { firstRowShown } from '../../ui/marks';
import { PageHead } from '../../ui/page-head';
import { Revealed } from '../../ui/revealed';
import { Failure, Waiting } from '../../ui/waiting';
import { RunTable } from '../runs/table';
import { Alarms } from './alarms';
import { Agents, Ingest, Setup } from './aside';
import { CatalogAsks } from './catalog';
import { Held, useHeld } from './held';
import { Hours } from './hours';
import { PermissionLine } from './permission';
import { Totals } from './totals';

/** A busy server changes its totals all the time; people read them now and then. */
const REFRESH_MS = 3_000;
const FAILED_SHOWN = 5;
/** More held calls than this are counted: what failed keeps its place below them. */
const HELD_SHOWN = 5;

export default function HomePage() {
  const overview = useData<Overview>('/overview');
  useEffect(() => {
    let timer: number | undefined;
    const stop = onRuns(() => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        refresh((path) => path === '/overview' || path === '/monitors');
      }, REFRESH_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, []);
  const data = overview.data.value;
  const error = overview.error.value;
  return (
    <>
      <PageHead title="Home" />
      {data ? (
        <Body overview={data} />
      ) : error ? (
        <Failure error={error} retry={() => void overview.reload()} />
      ) : (
        <Waiting rows={10} />
      )}
    </>
  );
}

function Body({ overview }: { overview: Overview }) {
  useLayoutEffect(() => {
    if (overview.recent.length > 0) firstRowShown();
  }, []);
  if (overview.recent.length === 0) {
    return (
      <div class="home">
        <div class="home-main">
          <FirstSteps />
        </div>
        <div class="home-aside">
          <Setup setup={overview.setup} />
          <Ingest ingest={overview.ingest} />
        </div>
      </div>
    );
  }
  return (
    <div class="home">
      <div class="home-main">
        <Totals totals={overview.totals_24h} />
        <PermissionLine />
        <Attention failures={overview.failures} />
        <Hours hours={overview.hours} />
        <section class="block">
          <h2>
            Recent runs <a href="/runs">All runs</a>
          </h2>
          <RunTable runs={overview.recent} label="Recent runs" compact />
        </section>
      </div>
      <div class="home-aside">
        <Agents agents={overview.agents} />
        <Setup setup={overview.setup} />
        <Ingest ingest={overview.ingest} />
      </div>
    </div>
  );
}

/** What waits for a person comes first: a call that is held goes on when somebody answers. */
function Attention({ failures }: { failures: RunSummary[] }) {
  const held = useHeld();
  const failed = failures.filter((run) => refusal(run) !== 'held').slice(0, FAILED_SHOWN);
  return (
    <section class="block">
      <h2>
        Needs you now {failures.length > 0 && <a href="/runs?outcome=error">All failed runs</a>}
        <span class="spacer" />
        <CatalogAsks />
        <Alarms />
      </h2>
      {failed.length + held.length === 0 ? (
        <p class="calm">
          <Icon name="passed" /> Nothing waits and nothing failed lately.
        </p>
      ) : (
        <ul class="attention">
          {held.slice(0, HELD_SHOWN).map((call) => (
            <Held key={call.id} call={call} />
          ))}
          {held.length > HELD_SHOWN && (
            <li>
              <a href="/approvals" class="asks">
                <Icon name="clock" /> and {plural(held.length - HELD_SHOWN, 'more held call')}
              </a>
            </li>
          )}
          {failed.map((run) => (
            <li key={run.run_id}>
              <a href={runPath(run.run_id)} data-row>
                <Icon name={refusal(run) ? 'lock' : 'failed'} />
                <span class="attention-what">
                  <b>
                    <Revealed text={failureWords(run) || run.title || run.run_id} />
                  </b>
                  <span>
                    <Revealed
                      text={[run.agent, run.error_message ? run.title : 'failed'].filter(Boolean).join(' · ')}
                    />
                  </span>
                </span>
                <Ago at={run.started_at} />
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
