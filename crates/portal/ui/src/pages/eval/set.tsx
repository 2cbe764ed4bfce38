import { refresh, useData } from '../../api/cache';
import { send, withQuery } from '../../api/client';
import type { EvalCaseView, EvalSetDetail } from '../../api/eval';
import { summary } from '../../format/json';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { runPath } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Confirm } from '../../ui/confirm';
import { Copy } from '../../ui/copy';
import { Fact } from '../../ui/fact';
import { Problem } from '../../ui/field';
import { Json } from '../../ui/json';
import { Loaded } from '../../ui/loaded';
import { PageHead } from '../../ui/page-head';
import { Revealed } from '../../ui/revealed';
import { Empty } from '../../ui/waiting';
import { shortDigest } from './words';

export default function SetPage({ id }: { id: string }) {
  const version = query.value.get('version');
  const path = `/eval-sets/${encodeURIComponent(id)}`;
  const resource = useData<EvalSetDetail>(withQuery(path, { version }));
  const set = resource.data.value;
  return (
    <>
      <PageHead title={id} up={{ href: '/evaluations/sets', name: 'Eval sets' }}>
        <div class="actions">
          {set && <Versions set={set} />}
          <a class="button small" href={withQuery('/evaluations', { new: 1, set: id })}>
            Run an experiment
          </a>
        </div>
      </PageHead>
      <Loaded resource={resource}>{(shown) => <Body set={shown} path={path} />}</Loaded>
    </>
  );
}

function Versions({ set }: { set: EvalSetDetail }) {
  const newest = Math.max(...set.versions.map(({ version }) => version), set.version);
  if (set.versions.length < 2) return null;
  return (
    <select
      class="pick"
      aria-label="Version"
      value={set.version}
      onChange={(event) => {
        const chosen = Number(event.currentTarget.value);
        setQuery({ version: chosen === newest ? null : String(chosen), case: null }, true);
      }}
    >
      {set.versions.map(({ version, cases }) => (
        <option key={version} value={version}>
          Version {version} ({plural(cases, 'case')})
        </option>
      ))}
    </select>
  );
}

function Body({ set, path }: { set: EvalSetDetail; path: string }) {
  const { problem, act } = useAct();
  const newest = Math.max(...set.versions.map(({ version }) => version), set.version);
  const remove = (id: string): void =>
    void act(async () => {
      await send('DELETE', `${path}/cases/${encodeURIComponent(id)}`);
      refresh((read) => read.startsWith('/eval-sets'));
    });
  return (
    <>
      <dl class="run-facts page">
        <Fact name="Cases">{exact(set.cases)}</Fact>
        <Fact name="Version">
          {set.version}
          {set.version < newest && <span class="faint"> (newest is {newest})</span>}
        </Fact>
        <Fact name="Digest" title={set.digest}>
          <span class="digest">
            <code>{shortDigest(set.digest)}</code>
            <Copy text={set.digest} label="Copy the digest" />
          </span>
        </Fact>
        <Fact name="Made">
          <Ago at={set.created_at} /> {set.created_by && `by ${set.created_by}`}
        </Fact>
        {set.description && <Fact name="About">{set.description}</Fact>}
      </dl>
      <Problem text={problem} />
      {set.items.length === 0 ? (
        <Empty title="No cases in this version">
          <p>
            Mark a <a href="/runs?outcome=ok">run</a> as golden to add one.
          </p>
        </Empty>
      ) : (
        <Cases set={set} remove={set.version === newest ? remove : null} />
      )}
    </>
  );
}

function Cases({ set, remove }: { set: EvalSetDetail; remove: ((id: string) => void) | null }) {
  const chosen = query.value.get('case');
  return (
    <table class="rows evals set-cases" aria-label="Cases">
      <thead>
        <tr>
          <th scope="col" class="col-case">
            Case
          </th>
          <th scope="col">Asked</th>
          <th scope="col" class="mid">
            Expected calls
          </th>
          <th scope="col" class="wide">
            Expected response
          </th>
          <th scope="col" class="num">
            From
          </th>
        </tr>
      </thead>
      <tbody>
        {set.items.map((one) => (
          <CaseRows key={one.case} one={one} isOpen={one.case === chosen} remove={remove} />
        ))}
      </tbody>
    </table>
  );
}

function CaseRows({
  one,
  isOpen,
  remove,
}: {
  one: EvalCaseView;
  isOpen: boolean;
  remove: ((id: string) => void) | null;
}) {
  const calls = one.turns.flatMap((turn) => turn.tool_calls.map(({ name }) => name));
  const response = one.turns.at(-1)?.response;
  return (
    <>
      <tr class={isOpen ? 'chosen' : ''}>
        <td class="col-case clip">
          <button
            type="button"
            class="row-button"
            data-row
            aria-expanded={isOpen}
            onClick={() => setQuery({ case: isOpen ? null : one.case })}
          >
            {one.case}
          </button>
        </td>
        <td class="col-why">
          {one.turns[0]?.user ?? '–'}
          {one.turns.length > 1 && <span class="faint"> +{plural(one.turns.length - 1, 'turn')}</span>}
        </td>
        <td class="mid clip" title={calls.join(', ')}>
          {calls.join(', ') || 'none'}
        </td>
        <td class="wide col-why" title={response ?? undefined}>
          {response ?? '–'}
        </td>
        <td class="num">{one.golden_run_id ? <a href={runPath(one.golden_run_id)}>golden run</a> : 'file'}</td>
      </tr>
      {isOpen && (
        <tr class="open-row">
          <td colSpan={5}>
            <CaseDetail one={one} remove={remove} />
          </td>
        </tr>
      )}
    </>
  );
}

function CaseDetail({ one, remove }: { one: EvalCaseView; remove: ((id: string) => void) | null }) {
  return (
    <div class="case-detail">
      {one.turns.map((turn, index) => (
        <section key={index}>
          <h3>Turn {index + 1}</h3>
          <p class="prose">{turn.user ?? 'Nothing was asked.'}</p>
          {turn.tool_calls.map((call, at) => (
            <div key={at}>
              <h4>
                calls {call.name}{' '}
                <span class="faint">
                  <Revealed text={summary(call.arguments, 60)} />
                </span>
              </h4>
              <Json value={call.arguments} label={`Arguments of ${call.name}`} />
            </div>
          ))}
          {turn.response && (
            <>
              <h4>answers</h4>
              <p class="prose">{turn.response}</p>
            </>
          )}
        </section>
      ))}
      {remove && (
        <Confirm
          least="developer"
          word="Remove from the set"
          question={`Remove ${one.case}?`}
          act={() => remove(one.case)}
        />
      )}
    </div>
  );
}
