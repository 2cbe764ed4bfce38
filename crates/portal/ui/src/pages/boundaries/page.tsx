import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { refresh, useData } from '../../api/cache';
import type { TextProblem } from '../../api/client';
import { onNews } from '../../api/live';
import type { PolicyFolder, PolicyItem, PolicyList } from '../../api/policies';
import { plural } from '../../format/number';
import { modeReason } from '../../format/permission';
import { instant } from '../../format/time';
import { query } from '../../location';
import { boundaryPath } from '../../router';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { ModeStatus } from '../../ui/permission';
import { ForRole } from '../../ui/role';
import { Ticked } from '../../ui/ticked';
import { Empty } from '../../ui/waiting';
import { NewBoundary } from './new-boundary';
import { byWeight } from './text';

export default function BoundariesPage() {
  if (query.value.has('new')) return <NewBoundary />;
  return <List />;
}

function List() {
  const boundaries = useData<PolicyList>('/boundaries');
  const policies = useData<PolicyList>('/policies');
  useEffect(
    () =>
      onNews((news) => {
        if (news.has('boundary')) refresh((path) => path.startsWith('/boundaries') || path.startsWith('/policies'));
      }),
    [],
  );
  const list = boundaries.data.value;
  const cedar = policies.data.value?.items ?? [];
  return (
    <>
      <PageHead title="Boundaries">
        <span class="count">{list && countWords(list)}</span>
        <div class="actions">
          <ForRole least="administrator">
            <a class="button small primary" href="/boundaries?new=1">
              <Icon name="plus" /> New boundary
            </a>
          </ForRole>
        </div>
      </PageHead>
      <Loaded resource={boundaries}>
        {(shown) => (
          <>
            {shown.problems.length > 0 && (
              <Loud
                words={
                  [...shown.items, ...cedar].some(({ closed }) => closed)
                    ? 'These are stored and cannot be read any more. Whom they are about is refused everything until they are mended or removed.'
                    : 'What is stored is not in force on this node; what was in force before stays.'
                }
                problems={shown.problems}
              />
            )}
            {shown.folder && <Folder folder={shown.folder} />}
            <p class="remark">
              <ModeStatus mode={shown.unnamed} /> for agents that no boundary names:{' '}
              {modeReason[shown.unnamed].toLowerCase()}.
            </p>
            {shown.items.length > 0 ? <Table items={byWeight(shown.items)} label="Boundaries" /> : <NoBoundary />}
            {cedar.length > 0 && (
              <section class="block">
                <h2>Written in Cedar</h2>
                <Table items={byWeight(cedar)} label="Policies written in Cedar" />
              </section>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function countWords({ items }: PolicyList): string {
  const enforced = items.filter(({ mode }) => mode === 'enforce').length;
  return `${plural(items.length, 'boundary', 'boundaries')}, ${enforced} enforced`;
}

/** A file that does not parse must not pass unnoticed: the rules in force are older than the folder. */
function Folder({ folder }: { folder: PolicyFolder }) {
  if (!folder.stale) {
    return (
      <p class="remark">
        <Icon name="group" /> The folder <code>{folder.path}</code> is watched and in force as it is.
      </p>
    );
  }
  return (
    <Loud
      words={
        <>
          <b>The policy folder does not hold: what was read before stays in force</b>
          {folder.since && <> since {instant(folder.since)}</>}. Nothing changed in <code>{folder.path}</code> applies
          until this is mended:
        </>
      }
      problems={folder.problems}
    />
  );
}

function Loud({ words, problems }: { words: ComponentChildren; problems: TextProblem[] }) {
  return (
    <div class="failure loud" role="alert">
      <Icon name="alert" />
      <div>
        <p>{words}</p>
        <ul>
          {problems.map((problem) => (
            <li key={`${problem.source}:${problem.line}:${problem.message}`}>
              <code>
                {problem.source}
                {problem.line ? `:${problem.line}${problem.column ? `:${problem.column}` : ''}` : ''}
              </code>{' '}
              <Ticked text={problem.message} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

const whom = ({ agents, teams }: PolicyItem): string => [...agents, ...teams.map((team) => `team ${team}`)].join(', ');

function NoBoundary() {
  return (
    <Empty title="No boundary yet">
      <p>
        A boundary says in plain YAML what one agent may reach: models, tools with limits on their arguments, hosts, a
        budget, what needs a human and what needs evidence. Begin with <code>mode: observe</code>: nothing is refused,
        and you see what would have been.
      </p>
      <div class="empty-steps">
        <Command text="mizzen policy apply -f boundary.yaml" />
        <p>
          or <a href="/boundaries?new=1">write one here</a>.
        </p>
      </div>
    </Empty>
  );
}

function Table({ items, label }: { items: PolicyItem[]; label: string }) {
  return (
    <table class="rows even" aria-label={label}>
      <thead>
        <tr>
          <th scope="col" class="col-mode">
            Mode
          </th>
          <th scope="col">Name</th>
          <th scope="col">Agents</th>
          <th scope="col" class="mid">
            Comes from
          </th>
          <th scope="col" class="wide">
            By
          </th>
          <th scope="col" class="num mid">
            Last change
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.name}>
            <td class="col-mode">{item.mode ? <ModeStatus mode={item.mode} /> : <span class="faint">Cedar</span>}</td>
            <td class="clip">
              <a
                href={item.kind === 'policy' ? `${boundaryPath(item.name)}?kind=policy` : boundaryPath(item.name)}
                data-row
              >
                {item.name}
              </a>
            </td>
            <td class="clip" title={whom(item)}>
              {whom(item) || <span class="faint">all</span>}
            </td>
            <td class="mid clip">
              {item.origin === 'folder' ? (
                <span title={item.file ?? ''}>
                  <code>{item.file}</code>
                </span>
              ) : (
                `stored, version ${item.version ?? 1}`
              )}
            </td>
            <td class="wide clip" title={item.reason ?? ''}>
              {item.changed_by ?? '–'}
            </td>
            <td class="num mid">{item.changed_at ? <Ago at={item.changed_at} /> : '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
