import { useState } from 'preact/hooks';
import '../../styles/catalog.css';
import { refresh } from '../../api/cache';
import { isReviews, REVIEWS, useReviews, type Review } from '../../api/catalog';
import { usePages } from '../../api/pages';
import { type VersionAction, referenceName } from '../../format/catalog';
import { plural } from '../../format/number';
import { query, setQuery } from '../../location';
import { useKeys } from '../../shell/shortcuts';
import { Ago } from '../../ui/ago';
import { ClassName } from '../../ui/catalog';
import { Command } from '../../ui/copy';
import { useFollow } from '../../ui/follow';
import { Loaded } from '../../ui/loaded';
import { NextPage } from '../../ui/more';
import { PageHead } from '../../ui/page-head';
import { Empty } from '../../ui/waiting';
import { ReviewDetail } from './detail';

/** Others review too; what they decided leaves the list. */
const FOLLOW_MS = 15_000;

/** One version of one thing. */
const idOf = ({ ref, digest }: Review): string => `${ref}@${digest}`;

export default function ReviewsPage() {
  const reviews = useReviews();
  const pages = usePages<Review>(REVIEWS);
  useFollow(reviews.reload, FOLLOW_MS);
  const items = pages.items ?? [];
  const [asked, setAsked] = useState<{ id: string; action: VersionAction } | null>(null);
  const wanted = query.value.get('id');
  const chosen = items.find((one) => idOf(one) === wanted) ?? items[0];
  const id = chosen && idOf(chosen);
  useKeys(({ key }) => handle(key, (action) => id && setAsked({ id, action })));
  const done = (): void => {
    setAsked(null);
    const at = items.findIndex((one) => idOf(one) === id);
    const rest = items.filter((one) => idOf(one) !== id);
    const next = rest[Math.min(at, rest.length - 1)];
    setQuery({ id: next ? idOf(next) : null });
    refresh(isReviews);
  };
  return (
    <div class="page-fill">
      <PageHead title="Reviews">
        <span class="count">{reviews.data.value && `${plural(reviews.data.value.total, 'version')} waiting`}</span>
      </PageHead>
      <Loaded resource={reviews} rows={6}>
        {() =>
          items.length === 0 ? (
            <NothingWaits />
          ) : (
            <div class="split">
              <div class="split-list">
                <Table items={items} chosen={id ?? null} />
                <NextPage pages={pages} />
              </div>
              {chosen && (
                <ReviewDetail
                  key={id}
                  review={chosen}
                  given={query.value.has('id')}
                  asked={asked?.id === id ? (asked?.action ?? null) : null}
                  ask={(action) => setAsked(action && id ? { id, action } : null)}
                  done={done}
                />
              )}
            </div>
          )
        }
      </Loaded>
    </div>
  );
}

function NothingWaits() {
  return (
    <Empty title="No version waits for a review">
      <p>
        A new content of an agent, tool server, tool, model, prompt, skill, eval set or template is a version that waits
        here until somebody approves it. What is approved is its digest: nothing can change under an approved name.
      </p>
      <div class="empty-steps">
        <Command text="mizzen apply -f agent.yaml" />
        <p>
          makes one. <a href="/catalog?state=approved">What is approved</a>
        </p>
      </div>
    </Empty>
  );
}

function Table({ items, chosen }: { items: Review[]; chosen: string | null }) {
  return (
    <table class="rows reviews" aria-label="Versions that wait for a review">
      <thead>
        <tr>
          <th scope="col">Entity</th>
          <th scope="col" class="mid">
            Kind
          </th>
          <th scope="col">Version</th>
          <th scope="col" class="wide">
            In use
          </th>
          <th scope="col" class="mid">
            From
          </th>
          <th scope="col" class="num">
            Waits since
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => {
          const id = idOf(one);
          return (
            <tr key={id} class={id === chosen ? 'chosen' : ''}>
              <td class="clip for-narrow">
                <button
                  type="button"
                  class="row-button"
                  data-row
                  aria-pressed={id === chosen}
                  title={one.ref}
                  onClick={() => setQuery({ id })}
                >
                  {one.title || referenceName(one.ref)}
                </button>
              </td>
              <td class="mid">
                <ClassName kind={one.kind} type={one.type} />
              </td>
              <td class="clip" title={one.digest}>
                {one.tag}
              </td>
              <td class="wide clip">{one.in_use ? one.in_use.tag : <span class="faint">none: the first</span>}</td>
              <td class="mid clip">{one.submitted_by ?? '–'}</td>
              <td class="num">{one.submitted_at ? <Ago at={one.submitted_at} /> : '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** a approves, r rejects; the reason is asked for before anything is sent. */
function handle(key: string, begin: (action: VersionAction) => void): boolean {
  if (key === 'a') begin('approve');
  else if (key === 'r') begin('reject');
  else if (key === 'Escape' && query.peek().has('id')) setQuery({ id: null });
  else return false;
  return true;
}
