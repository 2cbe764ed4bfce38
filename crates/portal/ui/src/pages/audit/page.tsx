import { useEffect } from 'preact/hooks';
import { useData } from '../../api/cache';
import { withQuery } from '../../api/client';
import type { AuditItem, AuditKey } from '../../api/audit';
import { usePages } from '../../api/pages';
import { exact, plural } from '../../format/number';
import { decidedWord } from '../../format/permission';
import { query, setQuery } from '../../location';
import { useKeys } from '../../shell/shortcuts';
import { Ago } from '../../ui/ago';
import { Caller } from '../../ui/caller';
import { Command } from '../../ui/copy';
import { Given, Pick, SincePick, TextFilter } from '../../ui/filter';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { PageHead } from '../../ui/page-head';
import { EffectStatus } from '../../ui/permission';
import { Revealed } from '../../ui/revealed';
import { useSince } from '../../ui/since';
import { Empty } from '../../ui/waiting';
import { Checkpoint } from './checkpoint';
import { closeEntry, EntryPanel } from './entry';
import { RowVerdict } from './proof';
import { about, kindWord, KINDS } from './words';

const FILTERS = ['kind', 'agent', 'caller', 'effect', 'resource', 'run', 'since'] as const;
const PAGE_ROWS = 50;

export default function AuditPage() {
  const read = (name: string): string => query.value.get(name) ?? '';
  const since = useSince(read('since'));
  const filters = Object.fromEntries(FILTERS.map((name) => [name, read(name)]));
  const listPath = (from: string | null): string =>
    withQuery('/audit/entries', { ...filters, since: from, limit: PAGE_ROWS });
  const pages = usePages<AuditItem>(listPath(since), listPath(read('since')));
  const logKey = useData<AuditKey>('/audit/key').data.value;
  const wanted = read('decision');
  const chosen = read('entry')
    ? Number(read('entry'))
    : (wanted && pages.items?.find(({ entry }) => entry.decision === wanted)?.index) || null;
  // A link from a decision names no index: pages are read until its entry is found.
  useEffect(() => {
    if (wanted && chosen === null) pages.more?.();
  }, [wanted, chosen, pages.items?.length]);
  useKeys(({ key }) => handle(key));
  const isFiltered = FILTERS.some((name) => read(name) !== '');
  return (
    <div class="page-fill">
      <PageHead title="Audit">
        <span class="count">
          {pages.items && (pages.more ? 'the newest ' : '') + plural(pages.items.length, 'entry', 'entries')}
        </span>
      </PageHead>
      <Checkpoint logKey={logKey} />
      <Filters read={read} isFiltered={isFiltered} />
      <Loaded resource={pages.first} rows={12}>
        {() => (
          <div class={chosen !== null ? 'split' : 'split alone'}>
            <div class="split-list">
              {pages.items && pages.items.length > 0 ? (
                <Table items={pages.items} chosen={chosen} logKey={logKey?.key} />
              ) : pages.more ? (
                <p class="calm">No match among the newest entries.</p>
              ) : (
                <NoEntry isFiltered={isFiltered} />
              )}
              <NextPage pages={pages} />
            </div>
            {chosen !== null && <EntryPanel key={chosen} index={chosen} logKey={logKey?.key} />}
          </div>
        )}
      </Loaded>
    </div>
  );
}

function NoEntry({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No entry matches these filters">
        <p>Remove one, or widen the time.</p>
      </Empty>
    );
  }
  return (
    <Empty title="The log is empty">
      <p>Every decision, approval, change of policy and sign-in becomes an entry that anyone can verify.</p>
      <div class="empty-steps">
        <Command text="mizzen audit show" />
      </div>
    </Empty>
  );
}

function Filters({ read, isFiltered }: { read: (name: string) => string; isFiltered: boolean }) {
  const clear = (): void => setQuery(Object.fromEntries([...FILTERS, 'decision'].map((name) => [name, null])), true);
  return (
    <div class="filters" role="search">
      <TextFilter name="resource" label="Resource contains" value={read('resource')} />
      <Pick name="kind" label="Any kind" value={read('kind')} options={KINDS} />
      <Pick
        name="effect"
        label="Any effect"
        value={read('effect')}
        options={[
          ['deny', 'Deny'],
          ['needs_approval', 'Needs approval'],
          ['allow', 'Allow'],
        ]}
      />
      <SincePick value={read('since')} />
      {(['agent', 'caller', 'run'] as const).map(
        (name) => read(name) && <Given key={name} name={name} value={read(name)} />,
      )}
      {isFiltered && (
        <button type="button" class="button small quiet" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

function Table({ items, chosen, logKey }: { items: AuditItem[]; chosen: number | null; logKey: string | undefined }) {
  return (
    <table class="rows audit" aria-label="Audit entries">
      <thead>
        <tr>
          <th scope="col" class="num col-index">
            Index
          </th>
          <th scope="col" class="col-kind">
            Kind
          </th>
          <th scope="col" class="col-what">
            What
          </th>
          <th scope="col" class="col-effect mid">
            Effect
          </th>
          <th scope="col" class="col-agent wide">
            Who
          </th>
          <th scope="col" class="col-proof">
            Proof
          </th>
          <th scope="col" class="num col-started mid">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <Row key={item.index} item={item} isChosen={item.index === chosen} logKey={logKey} />
        ))}
      </tbody>
    </table>
  );
}

function Row({
  item: { index, entry },
  isChosen,
  logKey,
}: {
  item: AuditItem;
  isChosen: boolean;
  logKey: string | undefined;
}) {
  const effect = entry.effect && decidedWord(entry.effect, entry.mode !== 'observe');
  return (
    <tr class={isChosen ? 'chosen' : ''}>
      <td class="num col-index faint">{exact(index)}</td>
      <td class="col-kind clip" title={kindWord(entry.kind)}>
        <button
          type="button"
          class="row-button"
          data-row
          aria-pressed={isChosen}
          onClick={() => (isChosen ? closeEntry() : setQuery({ entry: String(index), decision: null }))}
        >
          {kindWord(entry.kind)}
        </button>
        <span class="row-more">
          <Ago at={entry.at} />
        </span>
      </td>
      <td class="col-what clip" title={[...new Set([about(entry), entry.reason])].filter(Boolean).join(': ')}>
        <Revealed text={about(entry)} />
        <span class="row-more">
          {effect && `${effect} · `}
          {entry.who && <Caller reference={entry.who.reference} />}
        </span>
      </td>
      <td class="col-effect mid">
        {entry.effect && <EffectStatus effect={entry.effect} enforced={entry.mode !== 'observe'} />}
      </td>
      <td class="col-agent wide clip">{entry.who && <Caller reference={entry.who.reference} />}</td>
      <td class="col-proof">
        <RowVerdict index={index} logKey={logKey} />
      </td>
      <td class="num col-started mid">
        <Ago at={entry.at} />
      </td>
    </tr>
  );
}

/** Esc closes the panel. */
function handle(key: string): boolean {
  if (key !== 'Escape' || !(query.peek().has('entry') || query.peek().has('decision'))) return false;
  closeEntry();
  return true;
}
