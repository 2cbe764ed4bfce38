import { refresh, useData } from '../../api/cache';
import { upload, withQuery } from '../../api/client';
import type { EvalSetSummary, Page } from '../../api/eval';
import { exact, plural } from '../../format/number';
import { navigate } from '../../location';
import { evalSetPath } from '../../router';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { Command } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { ForRole } from '../../ui/role';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Empty } from '../../ui/waiting';
import { EvalHead } from './head';
import { shortDigest } from './words';

export default function SetsPage() {
  const resource = useData<Page<EvalSetSummary>>('/eval-sets');
  const items = resource.data.value?.items;
  return (
    <>
      <EvalHead title="Eval sets">
        {items && <span class="count">{plural(items.length, 'set')}</span>}
        <div class="actions">
          <ForRole least="developer">
            <AddFile />
          </ForRole>
        </div>
      </EvalHead>
      <Loaded resource={resource}>{({ items: sets }) => (sets.length > 0 ? <Table sets={sets} /> : <NoSets />)}</Loaded>
    </>
  );
}

/** A file becomes the set of its own name: `helm.evalset.json` makes `helm`. */
function AddFile() {
  const { problem, busy, act } = useAct();
  const read = (file: File | undefined): void => {
    if (!file) return;
    const name = file.name.replace(/\.(evalset|test)?\.?json$/i, '') || file.name;
    void act(async () => {
      const made = await upload<EvalSetSummary>(withQuery('/eval-sets', { name }), file);
      refresh((path) => path.startsWith('/eval-sets'));
      navigate(evalSetPath(made.name));
    });
  };
  return (
    <>
      <Problem text={problem} />
      <span class="import inline">
        <label class="button small" title="An ADK EvalSet or .test.json">
          <Icon name="plus" /> {busy ? 'Reading…' : 'Add a file'}
          <input type="file" accept=".json" onChange={(event) => read(event.currentTarget.files?.[0])} />
        </label>
      </span>
    </>
  );
}

function NoSets() {
  return (
    <Empty title="No eval sets yet">
      <p>A set holds cases with what is expected of each. Two ways to the first one:</p>
      <ol class="first-steps">
        <li>
          <h3>Mark runs as golden</h3>
          <p>
            Open a good <a href="/runs?outcome=ok">run</a> and choose “Mark as golden”: what it did becomes what is
            expected.
          </p>
        </li>
        <li>
          <h3>Bring a file</h3>
          <p>An ADK EvalSet or .test.json: add it above, or score against it without storing it.</p>
          <Command text="mizzen eval run --set golden.json --runs agent=NAME" />
        </li>
      </ol>
    </Empty>
  );
}

function Table({ sets }: { sets: EvalSetSummary[] }) {
  return (
    <table class="rows evals">
      <thead>
        <tr>
          <th scope="col">Set</th>
          <th scope="col" class="mid">
            About
          </th>
          <th scope="col" class="num">
            Cases
          </th>
          <th scope="col" class="num">
            Version
          </th>
          <th scope="col" class="wide">
            Digest
          </th>
          <th scope="col" class="mid">
            By
          </th>
          <th scope="col" class="num mid">
            Changed
          </th>
        </tr>
      </thead>
      <tbody>
        {sets.map((set) => (
          <tr key={set.name}>
            <td class="col-title clip">
              <a href={evalSetPath(set.name)} data-row>
                {set.name}
              </a>
            </td>
            <td class="mid col-why" title={set.description ?? undefined}>
              {set.description}
            </td>
            <td class="num">{exact(set.cases)}</td>
            <td class="num">{set.version}</td>
            <td class="wide mono" title={set.digest}>
              {shortDigest(set.digest)}
            </td>
            <td class="mid">{set.created_by ?? '–'}</td>
            <td class="num mid">
              <Ago at={set.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
