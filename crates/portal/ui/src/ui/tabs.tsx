/** Tabs as the ARIA pattern has them: arrows move, the chosen one is the only stop of the Tab key. */

interface Tab {
  id: string;
  label: string;
}

export function Tabs({
  tabs,
  chosen,
  choose,
  label,
  panel,
}: {
  tabs: Tab[];
  chosen: string;
  choose: (id: string) => void;
  label: string;
  panel: string;
}) {
  const onKeyDown = (event: KeyboardEvent): void => {
    const index = tabs.findIndex((tab) => tab.id === chosen);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs[(index + step + tabs.length) % tabs.length];
    if (!next) return;
    choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          type="button"
          role="tab"
          key={tab.id}
          id={`tab-${tab.id}`}
          aria-selected={tab.id === chosen}
          aria-controls={panel}
          tabIndex={tab.id === chosen ? 0 : -1}
          onClick={() => choose(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** One of a few choices, shown side by side. */
export function Choice<T extends string>({
  label,
  choices,
  chosen,
  choose,
}: {
  label: string;
  choices: [T, string][];
  chosen: T;
  choose: (id: T) => void;
}) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {choices.map(([id, word]) => (
        <button type="button" key={id} aria-pressed={id === chosen} onClick={() => choose(id)}>
          {word}
        </button>
      ))}
    </div>
  );
}
