import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/client';
import { Icon } from './icon';
import { Ticked } from './ticked';

const NOT_FOUND = 404;

/** Stands where rows will be. The style sheet keeps it invisible for the first 200 ms. */
export function Waiting({ rows = 6 }: { rows?: number }) {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

/** What is not there will not be there on a second try. */
export function Failure({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="failure" role="alert">
      <Icon name="alert" />
      <p>
        <Ticked text={error.message} />
      </p>
      {retry && error.status !== NOT_FOUND && (
        <button type="button" class="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
