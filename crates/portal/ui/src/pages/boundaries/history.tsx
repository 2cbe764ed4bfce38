import type { PolicyDetail, PolicyVersion } from '../../api/policies';
import { query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { Diff } from '../../ui/diff';
import { Icon } from '../../ui/icon';
import { Said, type Mark } from '../../ui/status';
import { RoleButton } from '../../ui/role';

/** Versions, newest first; the chosen one against the one in force, or the newest against the one before. */
export function History({ detail, restore }: { detail: PolicyDetail; restore: (text: string) => void }) {
  const { history } = detail;
  if (history.length === 0) {
    return (
      <p class="calm">
        <Icon name="group" /> A boundary of the folder has its history where the folder has it: in version control.
      </p>
    );
  }
  const wanted = Number(query.value.get('version'));
  const chosen = history.find(({ version }) => version === wanted) ?? history[0];
  return (
    <div class="history">
      <table class="rows" aria-label="Versions">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">State</th>
            <th scope="col">By</th>
            <th scope="col" class="mid">
              Why
            </th>
            <th scope="col" class="num">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          {history.map((one) => (
            <tr key={one.version} class={one === chosen ? 'chosen' : ''}>
              <td>
                <button
                  type="button"
                  class="row-button"
                  data-row
                  aria-pressed={one === chosen}
                  onClick={() => setQuery({ version: String(one.version) })}
                >
                  Version {one.version}
                </button>
              </td>
              <td>
                <Said {...stateMark[one.state]} />
              </td>
              <td class="clip">{one.changed_by ?? '–'}</td>
              <td class="mid clip" title={one.reason ?? ''}>
                {one.reason ?? <span class="faint">not said</span>}
              </td>
              <td class="num">{one.changed_at ? <Ago at={one.changed_at} /> : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {chosen && <Compared detail={detail} chosen={chosen} restore={restore} />}
    </div>
  );
}

const stateMark: Record<PolicyVersion['state'], Mark> = {
  current: { icon: 'passed', word: 'In force', tone: 'ok' },
  replaced: { icon: 'ended', word: 'Replaced' },
  deleted: { icon: 'trash', word: 'Deleted', tone: 'error' },
};

function Compared({
  detail,
  chosen,
  restore,
}: {
  detail: PolicyDetail;
  chosen: PolicyVersion;
  restore: (text: string) => void;
}) {
  const before = detail.history.find(({ version, text }) => version < chosen.version && text !== null);
  if (chosen.text === null) return <p class="calm">This version deleted the boundary.</p>;
  const isCurrent = chosen.state === 'current';
  if (isCurrent && !before) return <p class="calm">It is the first version: there is nothing to compare with.</p>;
  const [left, right] = isCurrent ? [before?.text ?? '', chosen.text] : [chosen.text, detail.text];
  const names: [string, string] = isCurrent
    ? [`Version ${before?.version}`, `Version ${chosen.version}, in force`]
    : [`Version ${chosen.version}`, `Version ${detail.version}, in force`];
  return (
    <section class="block">
      <h2>
        What changed
        <span class="spacer" />
        {!isCurrent && (
          <RoleButton
            least="administrator"
            class="button small"
            onClick={() => {
              restore(chosen.text ?? '');
              setQuery({ tab: null, version: null }, true);
            }}
          >
            <Icon name="undo" /> Put this text into the editor
          </RoleButton>
        )}
      </h2>
      <Diff before={left} after={right} names={names} label="Two versions side by side" />
    </section>
  );
}
