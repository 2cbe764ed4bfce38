import { splitReference } from '../../router';
import { useData } from '../../api/cache';
import { entityApi } from '../../api/catalog';
import type { Impact, Impacted, ImpactKind } from '../../api/catalog-shapes';
import { classOf, classWord, referenceName } from '../../format/catalog';
import { exact, plural } from '../../format/number';
import { EntityLink, LevelBadge, isOwned, OwnerLink } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Name } from '../../ui/name';
import { ProvenanceMark } from './legend';
import { distanceWords } from './words';

/** Everything that depends on an entity, by kind, with whom to ask. */
export function ImpactList({ reference }: { reference: string }) {
  const impact = useData<Impact>(entityApi(reference, '/impact'));
  return (
    <section class="block impact-block" aria-labelledby="impact">
      <h2 id="impact">What breaks if this goes</h2>
      <Loaded resource={impact} rows={3}>
        {(found) =>
          found.total === 0 ? (
            <p class="calm">
              <Icon name="passed" /> Nothing that Mizzen knows of: no document declares a need for it, and no traffic
              shows one.
            </p>
          ) : (
            <Found impact={found} />
          )
        }
      </Loaded>
    </section>
  );
}

function Found({ impact }: { impact: Impact }) {
  return (
    <>
      <p class="impact-total">
        <b>
          {impact.truncated ? 'At least ' : ''}
          {plural(impact.total, 'entity', 'entities')}
        </b>
        {': '}
        {impact.kinds.map(kindWords).join(', ')}
        {impact.runs_30_days !== null && `, with ${plural(impact.runs_30_days, 'run')} in the last 30 days`}.
      </p>
      <p class="impact-owners">
        Whom to ask:{' '}
        {impact.owners.map(({ owner, count }, index) => (
          <span key={owner ?? 'nobody'}>
            {index > 0 && ', '}
            <OwnerLink owner={owner} /> <span class="faint">({exact(count)})</span>
          </span>
        ))}
      </p>
      <table class="rows" aria-label="What depends on it">
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Name</th>
            <th scope="col" class="mid">
              Owner
            </th>
            <th scope="col" class="wide">
              Level
            </th>
            <th scope="col">Distance</th>
            <th scope="col" class="wide">
              Who says so
            </th>
            <th scope="col" class="num">
              Runs, 30 days
            </th>
          </tr>
        </thead>
        <tbody>
          {impact.kinds.flatMap((kind) => kind.items.map((item) => <Row key={item.ref} kind={kind} item={item} />))}
        </tbody>
      </table>
      {impact.kinds.map((kind) => (
        <More key={`${kind.kind}/${kind.type}`} kind={kind} />
      ))}
    </>
  );
}

const nameOf = ({ kind, type }: ImpactKind): [one: string, many: string] => {
  const name = classOf(kind, type);
  const [one, many] = [classWord(name), classWord(name, true)];
  // "API" keeps its capitals in the middle of a sentence.
  return one === one.toUpperCase() ? [one, many] : [one.toLowerCase(), many.toLowerCase()];
};

function kindWords(kind: ImpactKind): string {
  const [one, many] = nameOf(kind);
  return plural(kind.count, one, many);
}

function Row({ kind, item }: { kind: ImpactKind; item: Impacted }) {
  return (
    <tr>
      <td>{classWord(classOf(kind.kind, kind.type))}</td>
      <td class="clip">
        <a href={`/catalog/graph?ref=${encodeURIComponent(item.ref)}`} data-row title={item.ref}>
          <Name text={item.title} />
        </a>
      </td>
      <td class="mid clip">
        {item.owner === null && !isOwned(splitReference(item.ref).kind) ? '–' : <OwnerLink owner={item.owner} />}
      </td>
      <td class="wide">{item.level ? <LevelBadge level={item.level} /> : '–'}</td>
      <td>
        {item.hops === 1 ? (
          'directly'
        ) : (
          <span title={`Through ${referenceName(item.via)}`}>
            {distanceWords(item.hops)}
            <span class="mid">
              , by <EntityLink reference={item.via} />
            </span>
          </span>
        )}
      </td>
      <td class="wide">
        <ProvenanceMark provenance={item.provenance} />
      </td>
      <td class="num">{item.runs_30_days === null ? '–' : exact(item.runs_30_days)}</td>
    </tr>
  );
}

/** Long lists are cut by the server; how long they are is still said. */
function More({ kind }: { kind: ImpactKind }) {
  const rest = kind.count - kind.items.length;
  return rest > 0 ? (
    <p class="calm">{`${plural(rest, `more ${nameOf(kind)[0]}`, `more ${nameOf(kind)[1]}`)}.`}</p>
  ) : null;
}
