import type { ComponentChildren } from 'preact';
import type { Ingestion } from '../../api/catalog-shapes';
import { plural } from '../../format/number';
import { Ago } from '../../ui/ago';
import { EntityLink } from '../../ui/catalog';
import { Icon } from '../../ui/icon';
import { Ticked } from '../../ui/ticked';
import { placeOf } from './words';

/** What is wrong between entities, which no single document shows. */

export function DanglingTable({ found }: { found: Ingestion }) {
  return (
    <Findings
      what="a reference to something that is not there"
      none="Every reference leads to something."
      shown={found.dangling.length}
      total={found.dangling_total}
      heads={[['Entity'], ['Says', 'mid'], ['What is not there'], ['Where', 'mid']]}
    >
      {found.dangling.map((one) => (
        <tr key={`${one.ref}:${one.relation}:${one.target}`}>
          <td class="clip">
            <EntityLink reference={one.ref} />
          </td>
          <td class="mid">{one.relation}</td>
          <td class="clip">
            <code>{one.target}</code>
          </td>
          <td class="clip mid">
            <code>{placeOf(one)}</code>
          </td>
        </tr>
      ))}
    </Findings>
  );
}

export function DuplicateTable({ found }: { found: Ingestion }) {
  return (
    <Findings
      what="an entity that two sources declare; the one that came first is kept"
      none="No entity is declared twice."
      shown={found.duplicates.length}
      total={found.duplicates_total}
      heads={[['Entity'], ['Why'], ['Refused from', 'mid'], ['When', 'wide']]}
    >
      {found.duplicates.map((one) => (
        <tr key={`${one.ref}:${one.refused}`}>
          <td class="clip">{one.ref === null ? '–' : <EntityLink reference={one.ref} />}</td>
          <td class="kept">
            <Ticked text={one.kept} />
          </td>
          <td class="clip mid" title={one.refused}>
            <code>{placeOf(one)}</code>
          </td>
          <td class="wide">{one.at ? <Ago at={one.at} /> : '–'}</td>
        </tr>
      ))}
    </Findings>
  );
}

export function OrphanTable({ found }: { found: Ingestion }) {
  return (
    <Findings
      what="an entity that its source does not hold any more"
      none="Every entity is still where it came from."
      shown={found.orphans.length}
      total={found.orphans_total}
      heads={[['Entity'], ['Came from', 'mid'], ['Since']]}
    >
      {found.orphans.map((one) => (
        <tr key={one.ref}>
          <td class="clip">
            <EntityLink reference={one.ref} title={one.title} />
          </td>
          <td class="clip mid">
            <code title={one.source}>{one.source}</code>
          </td>
          <td>{one.since ? <Ago at={one.since} /> : '–'}</td>
        </tr>
      ))}
    </Findings>
  );
}

function Findings({
  what,
  none,
  shown,
  total,
  heads,
  children,
}: {
  what: string;
  none: string;
  shown: number;
  total: number;
  heads: [name: string, narrow?: 'mid' | 'wide'][];
  children: ComponentChildren;
}) {
  if (total === 0) {
    return (
      <p class="calm">
        <Icon name="passed" /> {none}
      </p>
    );
  }
  return (
    <>
      <p class="calm">Each row is {what}.</p>
      <table class="rows">
        <thead>
          <tr>
            {heads.map(([head, narrow]) => (
              <th key={head} scope="col" class={narrow ?? ''}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
      {total > shown && <p class="calm">{plural(total - shown, 'more')}.</p>}
    </>
  );
}
