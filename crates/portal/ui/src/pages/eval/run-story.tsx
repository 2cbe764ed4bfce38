import { useMemo } from 'preact/hooks';
import { useData } from '../../api/cache';
import type { RunDetail } from '../../api/shapes';
import { Loaded } from '../../ui/loaded';
import { RunStatus } from '../../ui/status';
import { Story } from '../run/story';
import { LocalSelection } from './local-selection';

/** The story of a run beside something else. */
export function RunStory({ id }: { id: string }) {
  const path = `/runs/${encodeURIComponent(id)}`;
  const resource = useData<RunDetail>(path);
  const selection = useMemo(() => new LocalSelection(), [id]);
  return (
    <Loaded resource={resource}>
      {(detail) => (
        <>
          <p class="side-title">
            <RunStatus run={detail.summary} /> {detail.summary.title || id}
          </p>
          <Story path={path} detail={detail} selection={selection} />
        </>
      )}
    </Loaded>
  );
}
