import { useEffect } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { RunDetail, StoryPage } from '../../api/shapes';
import { useKept } from '../../kept';
import { runPath } from '../../router';
import { ReadAhead } from '../../ui/more';
import { Empty, Failure, Waiting } from '../../ui/waiting';
import { storyApi } from './paths';
import type { StepChoice } from './selection';
import { Entry } from './story-entry';

interface Props {
  path: string;
  detail: RunDetail;
  selection: StepChoice;
}

/** The run as a conversation: what was asked, what was called, what came back. */
export function Story({ path, detail, selection }: Props) {
  const [cursors, setCursors] = useKept<(string | null)[]>(`story of ${path}`, [null]);
  const more = (cursor: string): void => {
    if (!cursors.includes(cursor)) setCursors([...cursors, cursor]);
  };
  return (
    <ol class="story" aria-label="Story of the run">
      {cursors.map((cursor, index) => (
        <Page
          key={cursor ?? ''}
          path={path}
          cursor={cursor}
          isLast={index === cursors.length - 1}
          detail={detail}
          selection={selection}
          more={more}
        />
      ))}
    </ol>
  );
}

function Page({
  path,
  cursor,
  isLast,
  detail,
  selection,
  more,
}: Props & { cursor: string | null; isLast: boolean; more: (cursor: string) => void }) {
  const page = useData<StoryPage>(storyApi(path, cursor));
  const entries = page.data.value?.entries;
  const next = page.data.value?.next_cursor ?? null;
  const isShown = entries !== undefined;
  useEffect(() => {
    if (isShown && cursor === null) reveal(selection.spanId.peek());
  }, [isShown]);
  if (!entries) {
    return (
      <li class="story-note">
        {page.error.value ? (
          <Failure error={page.error.value} retry={() => void page.reload()} />
        ) : (
          <Waiting rows={8} />
        )}
      </li>
    );
  }
  if (entries.length === 0 && cursor === null) return <NoStory detail={detail} />;
  return (
    <>
      {page.data.value?.content_omitted && cursor === null && <Omitted />}
      {entries.map((entry, index) => (
        <Entry key={`${entry.span_id}:${index}`} entry={entry} selection={selection} />
      ))}
      {isLast && next !== null && (
        <li class="story-note">
          <ReadAhead end={[next]} more={() => more(next)} pixels={400} />
        </li>
      )}
    </>
  );
}

function Omitted() {
  return (
    <li class="story-note">
      <p class="note-box">
        This run is so large that it is told whole only of its first steps and of those that failed. Of the others the
        story tells what they answered; select one to see what it was asked.
      </p>
    </li>
  );
}

function NoStory({ detail }: { detail: RunDetail }) {
  return (
    <li class="story-note">
      <Empty title="Nothing to tell">
        <p>
          {detail.summary.model_calls > 0
            ? 'The model calls carry no message content: the sender does not record it, or the capture policy keeps it out.'
            : 'This run has no model or tool calls.'}{' '}
          The <a href={`${runPath(detail.summary.run_id)}?tab=waterfall`}>waterfall</a> has every span.
        </p>
      </Empty>
    </li>
  );
}

function reveal(spanId: string | null): void {
  if (spanId) document.querySelector(`[data-span="${CSS.escape(spanId)}"]`)?.scrollIntoView({ block: 'center' });
}
