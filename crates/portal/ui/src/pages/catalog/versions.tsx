import { useState } from 'preact/hooks';
import { useData } from '../../api/cache';
import { entityApi, type VersionState, type VersionView } from '../../api/catalog';
import type { Page } from '../../api/eval';
import { stateReason, stateWord, type VersionAction } from '../../format/catalog';
import { instant } from '../../format/time';
import { query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { VersionStatus } from '../../ui/catalog';
import { Copy } from '../../ui/copy';
import { Diff } from '../../ui/diff';
import { Json } from '../../ui/json';
import { Loaded } from '../../ui/loaded';
import { shortDigest } from '../eval/words';
import { Decide } from './decide';

/** Versions, newest first; the chosen one with its history, against the one in use. */
export function VersionsTab({ reference, changed }: { reference: string; changed: () => Promise<void> }) {
  const resource = useData<Page<VersionView>>(entityApi(reference, '/versions'));
  return (
    <Loaded resource={resource} rows={4}>
      {({ items }) => {
        const wanted = query.value.get('version');
        const chosen = items.find(({ digest, tag }) => digest === wanted || tag === wanted) ?? items[0];
        return (
          <div class="history">
            <Table items={items} chosen={chosen} />
            {chosen && (
              <Chosen
                key={chosen.digest}
                reference={reference}
                version={chosen}
                inUse={inUse(items, chosen)}
                done={() => void Promise.all([resource.reload(), changed()])}
              />
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

const USABLE: VersionState[] = ['approved', 'deprecated'];

/** The newest other version that may be used. */
function inUse(items: VersionView[], than: VersionView): VersionView | undefined {
  const others = items.filter(({ digest }) => digest !== than.digest);
  return others.find(({ state }) => state === 'approved') ?? others.find(({ state }) => USABLE.includes(state));
}

function Table({ items, chosen }: { items: VersionView[]; chosen: VersionView | undefined }) {
  return (
    <table class="rows" aria-label="Versions">
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">State</th>
          <th scope="col" class="mid">
            Applied by
          </th>
          <th scope="col" class="wide">
            Last change
          </th>
          <th scope="col" class="wide">
            Digest
          </th>
          <th scope="col" class="num">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => {
          const first = one.history[0];
          const last = one.history.at(-1);
          return (
            <tr key={one.digest} class={one === chosen ? 'chosen' : ''}>
              <td class="clip">
                <button
                  type="button"
                  class="row-button"
                  data-row
                  aria-pressed={one === chosen}
                  onClick={() => setQuery({ version: one.digest })}
                >
                  {one.tag}
                </button>
                {one.is_current && (
                  <span class="chip" title="The newest content that was applied">
                    newest
                  </span>
                )}
              </td>
              <td>
                <VersionStatus state={one.state} />
              </td>
              <td class="mid clip">{first?.by ?? '–'}</td>
              <td class="wide clip" title={last?.reason ?? ''}>
                {last && last !== first ? `${stateWord[last.to].toLowerCase()} by ${last.by}` : '–'}
              </td>
              <td class="wide mono" title={one.digest}>
                {shortDigest(one.digest)}
              </td>
              <td class="num">{last ? <Ago at={last.at} /> : '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Chosen({
  reference,
  version,
  inUse: other,
  done,
}: {
  reference: string;
  version: VersionView;
  inUse: VersionView | undefined;
  done: () => void;
}) {
  const [asked, ask] = useState<VersionAction | null>(null);
  return (
    <section class="block">
      <h2>
        {version.tag} <VersionStatus state={version.state} />
        <span class="faint">{stateReason[version.state]}</span>
      </h2>
      <Decide
        version={{ ref: reference, tag: version.tag, digest: version.digest, state: version.state }}
        asked={asked}
        ask={ask}
        done={() => {
          ask(null);
          done();
        }}
      />
      <p class="digest-line">
        <code class="breakable">{version.digest}</code> <Copy text={version.digest} label="Copy the digest" />
      </p>
      <Steps version={version} />
      {other ? (
        <Diff
          before={other.yaml}
          after={version.yaml}
          names={[
            `${other.tag}, ${stateWord[other.state].toLowerCase()}`,
            `${version.tag}, ${stateWord[version.state].toLowerCase()}`,
          ]}
          label="Against the version in use"
        />
      ) : (
        <>
          <p class="calm">No other version may be used, so there is nothing to compare with.</p>
          <div class="inset-code">
            <Json value={version.yaml} label="Content of the version" />
          </div>
        </>
      )}
    </section>
  );
}

/** Who did what with it, when and why. */
function Steps({ version }: { version: Pick<VersionView, 'history'> }) {
  return (
    <ol class="version-steps" aria-label="History">
      {version.history.map((step) => (
        <li key={`${step.to}:${step.at}`}>
          <VersionStatus state={step.to} />
          <span>
            by {step.by},{' '}
            <span title={instant(step.at)}>
              <Ago at={step.at} />
            </span>
            {step.reason && <q>{step.reason}</q>}
          </span>
        </li>
      ))}
    </ol>
  );
}
