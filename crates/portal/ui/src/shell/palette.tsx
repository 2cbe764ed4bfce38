import { useEffect, useRef, useState } from 'preact/hooks';
import { useData } from '../api/cache';
import type { SearchHit } from '../api/catalog';
import type { AgentSummary, List, ModelSummary, RunPage, RunSummary } from '../api/shapes';
import { withQuery } from '../api/client';
import { navigate } from '../location';
import { Icon } from '../ui/icon';
import { Name } from '../ui/name';
import { Revealed } from '../ui/revealed';
import { now } from '../ui/now';
import { Dialog } from './dialog';
import { commands, type Entry } from './palette-entries';
import { best } from './match';
import { paletteOpen } from './overlays';

const SHOWN_MAX = 12;
const HITS_MAX = 8;
/** The server searches catalog and runs once typing pauses. */
const PAUSE_MS = 120;

export function Palette() {
  return paletteOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
  const [text, setText] = useState('');
  /** The entry that somebody moved to, which stays chosen where further ones come in before it. */
  const [moved, setMoved] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const { entries, isSearching } = useEntries(text);
  const chosen = Math.max(
    entries.findIndex(({ id }) => id === moved),
    0,
  );
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const close = (): void => {
    paletteOpen.value = false;
  };
  const run = (entry: Entry | undefined): void => {
    if (!entry) return;
    close();
    // The dialog gives the focus back as it closes; what the entry does comes after.
    setTimeout(() => (entry.href ? navigate(entry.href) : entry.act?.()));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setMoved(entries.at((chosen + step) % entries.length)?.id ?? null);
    else if (event.key === 'Enter') run(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Search and commands" close={close} class="palette">
      <div class="palette-input">
        <Icon name="search" />
        <input
          role="combobox"
          aria-label="Search pages, the catalog, documentation, runs and commands"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={entries[chosen] ? `entry-${chosen}` : undefined}
          aria-autocomplete="list"
          placeholder="Go to a page, anything in the catalog, a document or a run"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setMoved(null);
          }}
          onKeyDown={onKeyDown}
        />
      </div>
      <ul id="palette-list" role="listbox" aria-label="Results" ref={list}>
        {entries.map((entry, index) => (
          <li
            key={entry.id}
            id={`entry-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setMoved(entry.id)}
            onClick={() => run(entry)}
          >
            <Icon name={entry.icon} />
            <span class="entry-label">
              <Name text={entry.label} />
            </span>
            <span class="entry-hint">
              <Revealed text={entry.hint} />
            </span>
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="palette-none">{isSearching ? 'Searching …' : `Nothing matches “${text}”.`}</p>}
    </Dialog>
  );
}

function useEntries(text: string): { entries: Entry[]; isSearching: boolean } {
  const [searched, setSearched] = useState('');
  useEffect(() => {
    const timer = window.setTimeout(() => setSearched(text.trim()), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const models = useData<List<ModelSummary>>('/models').data.value?.items ?? [];
  const recent = useData<RunPage>('/runs?limit=20').data.value?.items ?? [];
  const runs = useAnswer<RunSummary>(withQuery('/runs', { limit: 20, q: searched }), searched);
  const hits = useAnswer<SearchHit>(withQuery('/catalog/search', { q: searched, limit: HITS_MAX }), searched);
  const known = commands(
    now.value,
    text ? hits.items : [],
    hits.searched,
    agents,
    models,
    text ? [...runs.items, ...recent] : recent,
  );
  return {
    entries: best(text, known, ({ label, hint, also }) => ({ label, also: `${hint} ${also ?? ''}` }), SHOWN_MAX),
    isSearching: searched !== text.trim() || runs.isWaiting || hits.isWaiting,
  };
}

/** What was found last, until there is more to say: the list does not lose its entries with each letter. */
function useAnswer<T>(path: string, searched: string): { searched: string; items: T[]; isWaiting: boolean } {
  const last = useRef<{ searched: string; items: T[] }>({ searched: '', items: [] });
  const { data, error } = useData<List<T>>(path);
  if (data.value) last.current = { searched, items: data.value.items };
  return { ...last.current, isWaiting: !data.value && !error.value };
}
