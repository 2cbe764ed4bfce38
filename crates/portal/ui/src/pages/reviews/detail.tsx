import type { Review } from '../../api/catalog';
import { stateWord, type VersionAction } from '../../format/catalog';
import { instant } from '../../format/time';
import { setQuery } from '../../location';
import { entityPath } from '../../router';
import { Ago } from '../../ui/ago';
import { ClassName, EntityLink, OwnerLink, VersionStatus } from '../../ui/catalog';
import { Diff } from '../../ui/diff';
import { Fact } from '../../ui/fact';
import { Icon } from '../../ui/icon';
import { Json } from '../../ui/json';
import { shortDigest } from '../eval/words';
import { Decide } from '../catalog/decide';

/** One version with all that a reviewer needs: who wants it, and what changes against the one in use. */
export function ReviewDetail({
  review,
  given,
  asked,
  ask,
  done,
}: {
  review: Review;
  /** Chosen by the reader: on a narrow screen it then covers the list. */
  given: boolean;
  asked: VersionAction | null;
  ask: (action: VersionAction | null) => void;
  done: () => void;
}) {
  const { in_use: inUse } = review;
  return (
    <aside class={given ? 'panel given review-panel' : 'panel review-panel'} aria-label="Version to review">
      <div class="panel-head">
        <div>
          <VersionStatus state="pending" />
          <ClassName kind={review.kind} type={review.type} />
          <span class="spacer" />
          <button
            type="button"
            class="icon-button only-narrow"
            aria-label="Close"
            onClick={() => setQuery({ id: null })}
          >
            <Icon name="cross" />
          </button>
        </div>
        <h2>
          <EntityLink reference={review.ref} title={review.title} /> <span class="faint">{review.tag}</span>
        </h2>
      </div>
      <div class="panel-body">
        <Decide
          version={{ ref: review.ref, tag: review.tag, digest: review.digest, state: 'pending' }}
          refused={review.may_decide ? null : review.why_not}
          asked={asked}
          ask={ask}
          done={done}
          hasKeys
        />
        <dl class="run-facts stacked">
          <Fact name="Submitted" {...(review.submitted_at ? { title: instant(review.submitted_at) } : {})}>
            by {review.submitted_by ?? 'nobody known'}
            {review.submitted_at && (
              <>
                , <Ago at={review.submitted_at} />
              </>
            )}
          </Fact>
          {review.files_by && <Fact name="Files">sent by {review.files_by}</Fact>}
          <Fact name="Owner">
            <OwnerLink owner={review.owner} />
          </Fact>
          <Fact name="In use" {...(inUse ? { title: inUse.digest } : {})}>
            {inUse ? (
              <>
                {inUse.tag} <VersionStatus state={inUse.state} />
              </>
            ) : (
              <span class="faint">none: this would be the first</span>
            )}
          </Fact>
          <Fact name="Digest" title={review.digest}>
            <code>{shortDigest(review.digest)}</code> <a href={entityPath(review.ref, 'versions')}>All versions</a>
          </Fact>
        </dl>
        {inUse ? (
          <Diff
            before={inUse.yaml}
            after={review.yaml}
            names={[`${inUse.tag}, ${stateWord[inUse.state].toLowerCase()}`, `${review.tag}, pending`]}
            label="Against the version in use"
          />
        ) : (
          <div class="inset-code">
            <Json value={review.yaml} label="Content of the version" />
          </div>
        )}
      </div>
    </aside>
  );
}
