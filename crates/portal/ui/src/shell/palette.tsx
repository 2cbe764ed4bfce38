import { useEffect, useRef, useState } from 'preact/hooks';
import { useData } from '../api/cache';
import type { SearchHit } from '../api/catalog';
import type { AgentSummary, List, ModelSummary, RunPage } from '../api/shapes';
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
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const entries = useEntries(text);
  const chosen = Math.min(at, entries.length - 1);
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
    if (step !== undefined) setAt((chosen + step + entries.length) % Math.max(1, entries.length));
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
            setAt(0);
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
            onMouseMove={() => setAt(index)}
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
      {entries.length === 0 && <p class="palette-none">Nothing matches “{text}”.</p>}
    </Dialog>
  );
}

function useEntries(text: string): Entry[] {
  const [searched, setSearched] = useState('');
  useEffect(() => {
    const timer = window.setTimeout(() => setSearched(text.trim()), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const agents = useData<List<AgentSummary>>('/agents').data.value?.items ?? [];
  const models = useData<List<ModelSummary>>('/models').data.value?.items ?? [];
  const recent = useData<RunPage>('/runs?limit=20').data.value?.items ?? [];
  const found = useData<RunPage>(withQuery('/runs', { limit: 20, q: searched })).data.value?.items ?? [];
  const hits = useData<List<SearchHit>>(withQuery('/catalog/search', { q: searched, limit: HITS_MAX })).data.value;
  const known = commands(
    now.value,
    text ? (hits?.items ?? []) : [],
    searched,
    agents,
    models,
    text ? [...found, ...recent] : recent,
  );
  return best(text, known, ({ label, hint, also }) => ({ label, also: `${hint} ${also ?? ''}` }), SHOWN_MAX);
}
