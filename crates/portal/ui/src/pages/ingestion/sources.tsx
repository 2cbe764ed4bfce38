import type { SourceHealth } from '../../api/catalog-shapes';
import { send } from '../../api/client';
import { exact, plural } from '../../format/number';
import { left } from '../../format/permission';
import { instant } from '../../format/time';
import { query, setQuery } from '../../location';
import { useAct } from '../../ui/act';
import { Ago } from '../../ui/ago';
import { EntityLink } from '../../ui/catalog';
import { Confirm } from '../../ui/confirm';
import { Command } from '../../ui/copy';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { now } from '../../ui/now';
import { RoleButton } from '../../ui/role';
import { Ticked } from '../../ui/ticked';
import { Empty } from '../../ui/waiting';
import { placeOf, sourceMark, typeWord } from './words';

const targetWords = ({ type, target }: SourceHealth): string =>
  target || (type === 'applied' ? 'What was applied by hand or by the API' : typeWord(type));
const keyOf = (source: SourceHealth): string => source.id ?? `${source.type}:${source.target}`;

export function Sources({ sources, reload }: { sources: SourceHealth[]; reload: () => Promise<void> }) {
  const { problem, act } = useAct();
  const open = query.value.get('source');
  if (sources.length === 0) {
    return (
      <Empty title="No source yet">
        <p>
          The catalog fills itself from traffic, from what is applied, and from locations that are read again and again.
        </p>
        <div class="empty-steps">
          <Command text="mizzen apply -f catalog-info.yaml" />
        </div>
      </Empty>
    );
  }
  const change = (method: string, path: string) => (): void =>
    void act(async () => {
      await send(method, `/catalog/locations/${path}`);
      await reload();
    });
  return (
    <>
      <Problem text={problem} />
      <table class="rows sources" aria-label="Sources">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Source</th>
            <th scope="col" class="mid">
              Kind
            </th>
            <th scope="col" class="num">
              Entities
            </th>
            <th scope="col" class="num">
              Errors
            </th>
            <th scope="col" class="num mid">
              Last read
            </th>
            <th scope="col" class="num mid">
              Next
            </th>
            <th scope="col" class="wide">
              <span class="hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <SourceRow
              key={keyOf(source)}
              source={source}
              isOpen={open === keyOf(source) || (open === null && sources.length === 1 && source.errors_total > 0)}
              change={change}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

function SourceRow({
  source,
  isOpen,
  change,
}: {
  source: SourceHealth;
  isOpen: boolean;
  change: (method: string, path: string) => () => void;
}) {
  const key = keyOf(source);
  return (
    <>
      <tr class={isOpen ? 'chosen' : ''}>
        <td>
          <Said {...sourceMark[source.state]} />
        </td>
        <td class="clip" title={source.target}>
          {source.errors_total > 0 || source.fault ? (
            <button
              type="button"
              class="link"
              data-row
              aria-expanded={isOpen}
              onClick={() => setQuery({ source: isOpen ? null : key })}
            >
              <Icon name={isOpen ? 'down' : 'chevron'} />
              <span>{targetWords(source)}</span>
            </button>
          ) : (
            <span>{targetWords(source)}</span>
          )}
          {source.configured && (
            <span class="chip" title="In the configuration file, so it is changed there">
              configured
            </span>
          )}
        </td>
        <td class="mid">{typeWord(source.type)}</td>
        <td class="num">{exact(source.entities)}</td>
        <td class="num">
          {source.errors_total > 0 ? <Said icon="alert" tone="error" word={exact(source.errors_total)} /> : '0'}
        </td>
        <td class="num mid">
          {source.last_read_at ? <Ago at={source.last_read_at} /> : source.state === 'ok' ? '–' : 'never'}
        </td>
        <td class="num mid">{source.next_read_at ? <NextRead at={source.next_read_at} /> : '–'}</td>
        <td class="wide row-acts">
          {source.id !== null && (
            <>
              <RoleButton
                least="developer"
                class="button small quiet"
                onClick={change('POST', `${encodeURIComponent(source.id)}/refresh`)}
              >
                Read now
              </RoleButton>
              {!source.configured && (
                <Confirm
                  word="Remove"
                  question={`Remove ${source.target}?`}
                  least="administrator"
                  act={change('DELETE', encodeURIComponent(source.id))}
                />
              )}
            </>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr class="source-detail">
          <td colSpan={8}>
            {source.fault && (
              <p class="problem">
                <Icon name="alert" />{' '}
                <span>
                  <Ticked text={source.fault} />
                </span>
              </p>
            )}
            {source.errors.length > 0 && <Errors source={source} />}
          </td>
        </tr>
      )}
    </>
  );
}

function NextRead({ at }: { at: string }) {
  const until = left(at, now.value);
  return (
    <time dateTime={at} title={instant(at)}>
      {until === null ? 'now' : `in ${until}`}
    </time>
  );
}

function Errors({ source }: { source: SourceHealth }) {
  const rest = source.errors_total - source.errors.length;
  return (
    <ul class="source-errors" aria-label={`Errors of ${source.target}`}>
      {source.errors.map((error) => (
        <li key={`${placeOf(error)}:${error.message}`}>
          <code>{placeOf(error) || source.target}</code>
          <span>
            {error.ref && (
              <>
                <EntityLink reference={error.ref} />:{' '}
              </>
            )}
            <Ticked text={error.message} />
          </span>
        </li>
      ))}
      {rest > 0 && <li class="faint">{`${plural(rest, 'more error')}; mend the first ones and read again.`}</li>}
    </ul>
  );
}
