import { refresh, useData } from '../../api/cache';
import { get } from '../../api/client';
import { entityApi, type Check, type Fact as CheckFact, type Scorecard } from '../../api/catalog';
import { levelWord } from '../../format/catalog';
import { exact, plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { Ago } from '../../ui/ago';
import { useAct } from '../../ui/act';
import { CheckStatus, LevelBadge } from '../../ui/catalog';
import { Fact } from '../../ui/fact';
import { Problem } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Loaded } from '../../ui/loaded';
import { Ticked } from '../../ui/ticked';
import { Empty } from '../../ui/waiting';

/** Whether it has earned its place: every check with the facts it rests on, and what to do next. */
export function ScorecardTab({ reference }: { reference: string }) {
  const path = entityApi(reference, '/scorecard');
  const resource = useData<Scorecard>(path);
  return (
    <Loaded resource={resource} rows={10}>
      {(card) =>
        card.has_scorecard ? (
          <Card card={card} path={path} />
        ) : (
          <Empty title="It has no scorecard">
            <p>Agents have one. Other things count in the scorecards of the agents that use them.</p>
          </Empty>
        )
      }
    </Loaded>
  );
}

function Card({ card, path }: { card: Scorecard; path: string }) {
  const { problem, busy, act } = useAct();
  const again = (): void =>
    void act(async () => {
      await get(`${path}?refresh=true`);
      refresh((read) => read === path || read === path.replace(/scorecard$/, 'summary'));
    });
  return (
    <>
      <div class="remark">
        <LevelBadge level={card.level} />
        <span>
          {exact(card.passed)} passed, {exact(card.failed)} failed, {exact(card.no_evidence)} without evidence
          {card.exempt > 0 && `, ${exact(card.exempt)} exempt`}
          {card.not_applicable > 0 && `, ${exact(card.not_applicable)} do not apply`}
        </span>
        <span class="spacer" />
        {card.computed_at && (
          <span>
            computed <Ago at={card.computed_at} />
          </span>
        )}
        <button type="button" class="button small" disabled={busy} onClick={again}>
          Compute again
        </button>
      </div>
      <Problem text={problem} />
      {card.problems.map((text) => (
        <p key={text} class="run-error">
          <Icon name="alert" /> <Ticked text={text} />
        </p>
      ))}
      <Levels card={card} />
      <CheckTable checks={card.checks} />
      {card.history.length > 0 && <History card={card} />}
    </>
  );
}

/** The four steps, each with how much of it is there. A level counts only with all below it. */
function Levels({ card }: { card: Scorecard }) {
  return (
    <ol class="level-strip" aria-label="Levels">
      {card.levels.map(({ level, passed, of, reached }) => (
        <li key={level} class={reached ? 'reached' : ''}>
          <b>
            <Icon name={reached ? 'passed' : 'open'} /> {levelWord[level]}
            <span class="hidden">{reached ? ', reached' : ', not reached'}</span>
          </b>
          <span>
            {exact(passed)} of {plural(of, 'check')}
          </span>
          <span class="budget-bar" aria-hidden="true">
            <i style={{ width: `${of === 0 ? 0 : (100 * passed) / of}%` }} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function CheckTable({ checks }: { checks: Check[] }) {
  const chosen = query.value.get('check');
  return (
    <table class="rows checks-table" aria-label="Checks">
      <thead>
        <tr>
          <th scope="col" class="col-effect">
            Result
          </th>
          <th scope="col">Check</th>
          <th scope="col" class="mid">
            Level
          </th>
          <th scope="col" class="mid col-why">
            Why so
          </th>
          <th scope="col" class="num wide">
            Since
          </th>
        </tr>
      </thead>
      <tbody>
        {checks.map((check) => (
          <CheckRow key={check.id} check={check} isOpen={chosen === check.id} />
        ))}
      </tbody>
    </table>
  );
}

function CheckRow({ check, isOpen }: { check: Check; isOpen: boolean }) {
  return (
    <>
      <tr class={isOpen ? 'chosen' : ''}>
        <td class="col-effect">
          <CheckStatus state={check.state} applies={check.applies} exempt={check.exemption !== null} />
        </td>
        <td class="for-narrow">
          <button
            type="button"
            class="row-button"
            data-row
            aria-expanded={isOpen}
            onClick={() => setQuery({ check: isOpen ? null : check.id })}
          >
            {check.title}
          </button>
          {check.own && (
            <span class="chip" title="Of this organisation">
              own
            </span>
          )}
        </td>
        <td class="mid">{levelWord[check.level]}</td>
        <td class="mid col-why" title={whyWords(check)}>
          <Ticked text={whyWords(check)} />
        </td>
        <td class="num wide">{check.since ? <Ago at={check.since} /> : '–'}</td>
      </tr>
      {isOpen && (
        <tr class="open-row">
          <td colSpan={5} class="side-cell">
            <CheckDetail check={check} />
          </td>
        </tr>
      )}
    </>
  );
}

function CheckDetail({ check }: { check: Check }) {
  return (
    <div class="check-detail">
      {check.state !== 'pass' && check.applies && (
        <p class="note-box way-out">
          <Icon name="chevron" />
          <span>
            <b>What to do</b> <Ticked text={check.fix} />
          </span>
        </p>
      )}
      <dl class="run-facts stacked">
        <Fact name="Result">
          <Ticked text={check.reason} />
        </Fact>
        <Fact name="Why it exists">
          <Ticked text={check.why} />
        </Fact>
        {check.exemption && (
          <Fact name="Exemption">
            by {check.exemption.owner} until {check.exemption.until}: {check.exemption.reason}
          </Fact>
        )}
        <Fact name="Rule">
          <code class="breakable">{check.expr}</code>
        </Fact>
        {check.when && (
          <Fact name="Applies when">
            <code class="breakable">{check.when}</code>
          </Fact>
        )}
        {check.facts.map((fact) => (
          <Fact key={fact.name} name={fact.name} title={fact.says}>
            <code class="breakable">{valueOf(fact)}</code>{' '}
            <span class="faint">
              {fact.says} · from {fact.source}
              {fact.as_of && (
                <>
                  , <Ago at={fact.as_of} />
                </>
              )}
            </span>
          </Fact>
        ))}
        {check.missing.length > 0 && (
          <Fact name="Nobody could say">
            {check.missing.map((name) => (
              <code key={name} class="missing-fact">
                {name}
              </code>
            ))}
          </Fact>
        )}
      </dl>
    </div>
  );
}

/** What the facts say, in words; where one is missing the server says which. */
function whyWords({ facts, missing, reason }: Check): string {
  if (facts.length === 0 || missing.length > 0) return reason;
  return facts.map((fact) => `${fact.says}: ${valueOf(fact)}`).join('; ');
}

function valueOf({ value }: CheckFact): string {
  if (value === null) return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? (value.length === 0 ? 'none' : value.join(', ')) : String(value);
}

function History({ card }: { card: Scorecard }) {
  return (
    <details class="section">
      <summary>Earlier results</summary>
      <div class="scroll short" tabIndex={0} role="region" aria-label="Earlier results">
        <table class="rows" aria-label="Earlier results">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Level</th>
              <th scope="col" class="num">
                Passed
              </th>
              <th scope="col" class="num">
                Failed
              </th>
              <th scope="col" class="num">
                No evidence
              </th>
            </tr>
          </thead>
          <tbody>
            {[...card.history].reverse().map((one) => (
              <tr key={one.at}>
                <th scope="row">
                  <Ago at={one.at} />
                </th>
                <td>
                  <LevelBadge level={one.level} />
                </td>
                <td class="num">{exact(one.passed)}</td>
                <td class="num">{exact(one.failed)}</td>
                <td class="num">{exact(one.no_evidence)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
