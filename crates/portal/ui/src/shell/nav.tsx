import { useEffect } from 'preact/hooks';
import { forgetAll } from '../api/cache';
import { send, signedOut } from '../api/client';
import { useReviews } from '../api/catalog';
import { useWaiting } from '../api/gate';
import { disconnect, liveState, type LiveState } from '../api/live';
import { forgetSession } from '../api/session';
import { plural } from '../format/number';
import { forgetKept, route } from '../location';
import { forgetLists } from '../pages/runs/run-list';
import { Icon, Mark, type IconName } from '../ui/icon';
import { useLater } from '../ui/later';
import { helpOpen, paletteOpen } from './overlays';
import { forgetPauses } from './paused';
import { cycleTheme, theme, type Theme } from './theme';

const EVALUATION = [
  'experiments',
  'experiment',
  'compare',
  'sets',
  'set',
  'evaluators',
  'monitors',
  'monitor',
  'labels',
  'baselines',
  'baseline',
  'plan',
];

type Entry = [href: string, name: string, icon: IconName, pages: string[]];

const SECTIONS: [string, Entry[]][] = [
  [
    'Work',
    [
      ['/', 'Home', 'home', ['home']],
      ['/runs', 'Runs', 'runs', ['runs', 'run']],
      ['/evaluations', 'Evaluations', 'evaluation', EVALUATION],
      ['/agents', 'Agents', 'agent', ['agents', 'agent']],
      ['/models', 'Models', 'model', ['models', 'model']],
    ],
  ],
  [
    'Catalog',
    [
      ['/catalog', 'Catalog', 'catalog', ['catalog', 'entity', 'dependency-graph']],
      ['/catalog/reviews', 'Reviews', 'review', ['reviews']],
      ['/create', 'Create', 'plus', ['create', 'template']],
      ['/catalog/scorecards', 'Scorecards', 'score', ['scorecards']],
      ['/catalog/ingestion', 'Ingestion', 'source', ['ingestion']],
    ],
  ],
  [
    'Permission',
    [
      ['/approvals', 'Approvals', 'inbox', ['approvals']],
      ['/boundaries', 'Boundaries', 'guardrail', ['boundaries', 'boundary']],
      ['/decisions', 'Decisions', 'decision', ['decisions']],
      ['/tools', 'Tool servers', 'plug', ['tools', 'tool-server']],
      ['/budgets', 'Budgets', 'budget', ['budgets']],
      ['/audit', 'Audit', 'audit', ['audit']],
    ],
  ],
  [
    'System',
    [
      ['/sql', 'SQL', 'sql', ['sql']],
      ['/settings', 'Settings', 'settings', ['settings']],
    ],
  ],
];

const themeIcon: Record<Theme, IconName> = { system: 'system', light: 'sun', dark: 'moon' };
const liveWord: Record<LiveState, string> = { live: 'Live', connecting: 'Connecting', offline: 'Offline' };

export function Nav() {
  const page = route.value.page;
  useEffect(() => {
    // On a narrow screen the pages are a strip that scrolls.
    const current = document.querySelector('.nav nav [aria-current]');
    current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [page]);
  return (
    <header class="nav">
      <div class="brand">
        <Mark />
        <span>Mizzen</span>
      </div>
      <button type="button" class="search-button" onClick={() => (paletteOpen.value = true)}>
        <Icon name="search" />
        <span>Search</span>
        <kbd>{navigator.platform.startsWith('Mac') ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <nav aria-label="Pages">
        {SECTIONS.map(([title, entries]) => (
          <div key={title} class="nav-section" role="group" aria-label={title}>
            {entries.map(([href, name, icon, pages]) => (
              <a key={href} href={href} aria-current={pages.includes(page) ? 'page' : undefined}>
                <Icon name={icon} />
                <span>{name}</span>
                {href === '/approvals' && <WaitingCount />}
                {href === '/catalog/reviews' && <ReviewCount />}
              </a>
            ))}
          </div>
        ))}
      </nav>
      <Foot />
    </header>
  );
}

/** How many calls wait for a human, wherever one is. */
function WaitingCount() {
  return useLater() ? <Count /> : null;
}

function Count() {
  const count = useWaiting().data.value?.items.length ?? 0;
  if (count === 0) return null;
  return (
    <span class="nav-count" title={`${count} held calls wait for a human`}>
      {count}
      <span class="hidden"> waiting</span>
    </span>
  );
}

/** How many versions wait for a review. */
function ReviewCount() {
  return useLater() ? <PendingReviews /> : null;
}

function PendingReviews() {
  const count = useReviews().data.value?.total ?? 0;
  if (count === 0) return null;
  return (
    <span class="nav-count" title={`${plural(count, 'version')} to review`}>
      {count}
      <span class="hidden"> to review</span>
    </span>
  );
}

function Foot() {
  return (
    <div class="nav-foot">
      <span class={`stream ${liveState.value}`} title="Runs on screen follow what happens">
        <i aria-hidden="true" />
        {liveWord[liveState.value]}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label={`Theme: ${theme.value}. Change`}
        title={`Theme: ${theme.value} (t)`}
        onClick={cycleTheme}
      >
        <Icon name={themeIcon[theme.value]} />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={() => (helpOpen.value = true)}
      >
        <Icon name="help" />
      </button>
      <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" onClick={signOut}>
        <Icon name="signout" />
      </button>
    </div>
  );
}

export async function signOut(): Promise<void> {
  await send('DELETE', '/session');
  forgetAll();
  forgetKept();
  forgetSession();
  forgetPauses();
  forgetLists();
  disconnect();
  signedOut.value = true;
}
