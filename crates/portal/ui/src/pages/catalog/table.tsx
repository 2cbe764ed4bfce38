import type { ComponentChildren } from 'preact';
import type { CatalogItem } from '../../api/catalog';
import { classWord, levelOf } from '../../format/catalog';
import { plural } from '../../format/number';
import { setQuery } from '../../location';
import { entityPath } from '../../router';
import { Ago } from '../../ui/ago';
import { classIconOf, isOwned, LevelBadge, OriginBadge, OwnerLink, VersionStatus } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { Name } from '../../ui/name';
import { may } from '../../api/session';
import { claimPath } from './claim';
import { direction, nextSort, type CatalogFilter, type SortKey } from './filter';

type Second = 'class' | 'type' | null;

/** Where a class is one type, that column would say the same in every row. */
function secondColumn(className: string): Second {
  if (className === '') return 'class';
  return ONE_TYPE.includes(className) ? null : 'type';
}
const ONE_TYPE = ['agent', 'caller', 'model', 'tool', 'pool', 'eval_set', 'tool_server', 'skill', 'prompt'];

export function CatalogTable({ items, filter }: { items: CatalogItem[]; filter: CatalogFilter }) {
  const second = secondColumn(filter.class);
  const head = (key: SortKey, word: string, extra = '') => (
    <Heading name={key} sort={filter.sort} class={extra}>
      {word}
    </Heading>
  );
  return (
    <table class="rows catalog" aria-label="Entities">
      <thead>
        <tr>
          {head('name', 'Name', 'col-name')}
          {second === 'class' && head('class', 'Kind', 'mid col-kind')}
          {second === 'type' && head('type', 'Type', 'wide col-type')}
          {head('owner', 'Owner', 'mid col-owner')}
          {head('lifecycle', 'Lifecycle', 'wide col-lifecycle')}
          {head('state', 'Version', 'mid col-version')}
          {head('level', 'Level', 'mid col-level')}
          {head('last_seen', 'Last seen', 'num wide col-seen')}
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <Row key={item.ref} item={item} second={second} />
        ))}
      </tbody>
    </table>
  );
}

function Heading({
  name,
  sort,
  class: extra,
  children,
}: {
  name: SortKey;
  sort: string;
  class: string;
  children: ComponentChildren;
}) {
  const now = direction(sort, name);
  return (
    <th scope="col" class={extra} aria-sort={now ?? 'none'}>
      <button type="button" class="sort" onClick={() => setQuery({ sort: nextSort(sort, name) }, true)}>
        {children}
        {now && <Icon name={now === 'ascending' ? 'up' : 'down'} />}
      </button>
    </th>
  );
}

function Row({ item, second }: { item: CatalogItem; second: Second }) {
  const path = entityPath(item.ref);
  return (
    <tr>
      <td class="col-name">
        <div class="title-line">
          <Icon name={classIconOf(item.class)} />
          <a href={path} data-row title={item.ref}>
            <Name text={item.title} />
          </a>
          {item.owner !== null && <OriginBadge origin={item.origin} owner={item.owner} name={item.class} />}
          <Problems item={item} />
          {item.description && (
            <span class="row-about" title={item.description}>
              {item.description}
            </span>
          )}
        </div>
        <span class="row-more">
          {[classWord(item.class), item.owner ? item.owner.split('/').at(-1) : unownedWord(item), item.version?.state]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </td>
      {second === 'class' && <td class="mid">{classWord(item.class)}</td>}
      {second === 'type' && (
        <td class="wide clip" title={item.type ?? ''}>
          {item.type ?? '–'}
        </td>
      )}
      <td class="mid clip">
        <span class="title-line">
          <Owner item={item} />
          <Claim item={item} />
        </span>
      </td>
      <td class="wide clip">{item.lifecycle ?? '–'}</td>
      <td class="mid">
        {item.version ? (
          <span class="version-cell">
            <VersionStatus state={item.version.state} /> <span class="faint">{shortTag(item.version.tag)}</span>
          </span>
        ) : (
          <span class="faint">–</span>
        )}
      </td>
      <td class="mid">
        {item.level === null ? <span class="faint">–</span> : <LevelBadge level={levelOf(item.level)} />}
      </td>
      <td class="num wide">{item.last_seen ? <Ago at={item.last_seen} /> : <span class="faint">never</span>}</td>
    </tr>
  );
}

/** The same in the line below a name, where the column of owners has no room. */
function unownedWord({ class: name, origin }: CatalogItem): string {
  if (!isOwned(name)) return '';
  return origin === 'discovered' ? 'discovered, unowned' : 'no owner';
}

/** What nobody owns says so in its badge, which stands where an owner would. */
function Owner({ item }: { item: CatalogItem }) {
  if (item.owner !== null) return <OwnerLink owner={item.owner} />;
  if (!isOwned(item.class)) return <span class="faint">–</span>;
  return <OriginBadge origin={item.origin} owner={item.owner} name={item.class} />;
}

/** A tag that is only a digest says little in full. */
const shortTag = (tag: string): string => (tag.startsWith('sha256-') ? tag.slice(7, 14) : tag);

/** What traffic showed can be taken over with its history. Its title is its name in traffic: nobody has given it another. */
function Claim({ item }: { item: CatalogItem }) {
  if (item.origin !== 'discovered' || !may('developer')) return null;
  return (
    <a class="claim" href={claimPath(item.ref, item.class, item.title)} tabIndex={-1}>
      Claim
    </a>
  );
}

function Problems({ item }: { item: CatalogItem }) {
  if (item.problems === 0) return null;
  const words = plural(item.problems, 'problem');
  return (
    <a
      class="badge bad"
      href={entityPath(item.ref, 'yaml')}
      tabIndex={-1}
      title="Problems of its documents or references"
    >
      <Icon name="alert" /> {words}
    </a>
  );
}
