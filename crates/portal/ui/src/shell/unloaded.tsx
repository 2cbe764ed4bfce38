import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/client';
import { liveState } from '../api/live';
import { PageHead } from '../ui/page-head';
import { Failure, Waiting } from '../ui/waiting';

/**
 * Set from a reload that the portal made by itself until a page is there: one that fails again is not made twice, unless
 * the server was away meanwhile.
 */
const RELOADED = 'mizzen:reloaded';

/** Two questions may be on their way at once; the first answer is enough. */
let isLeaving = false;

const AWAY = 'the Mizzen server cannot be reached; is `mizzen up` running? This page comes once the server is back.';
const FAILED = 'the code of this page did not come from the server.';

/**
 * Stands where the code of a page did not come, because the server is away or is a newer one, whose files have other
 * names. A reload mends both: browsers remember that a module failed, so asking for it again may not.
 */
export function Unloaded() {
  const [problem, setProblem] = useState('');
  const stream = liveState.value;
  const wasAway = useRef(false);
  const retry = async (): Promise<void> => {
    setProblem('');
    if (!(await isServerThere())) return setProblem(AWAY);
    if (isLeaving) return;
    isLeaving = true;
    sessionStorage.setItem(RELOADED, 'yes');
    location.reload();
  };
  useEffect(() => {
    if (stream === 'offline') wasAway.current = true;
    const isBack = wasAway.current && stream === 'live';
    if (isBack || sessionStorage.getItem(RELOADED) === null) void retry();
    else setProblem(stream === 'offline' ? AWAY : FAILED);
  }, [stream]);
  return (
    <>
      <PageHead title="Not loaded" />
      {problem ? (
        <Failure error={new ApiError(0, 'unreachable', problem)} retry={() => void retry()} />
      ) : (
        <Waiting rows={10} />
      )}
    </>
  );
}

/** The code of a page came: whatever fails from now on may reload again. */
export function pageCame(): void {
  sessionStorage.removeItem(RELOADED);
}

/** A reload without an answer would end on a page of the browser, which does not come back by itself. */
function isServerThere(): Promise<boolean> {
  return fetch(location.href, { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );
}
