import type { ComponentChildren } from 'preact';
import type { Resource } from '../api/cache';
import { Failure, Waiting } from './waiting';

/** What was read, or why not, or the place where it will be. */
export function Loaded<T>({
  resource,
  rows,
  children,
}: {
  resource: Resource<T>;
  rows?: number;
  children: (data: T) => ComponentChildren;
}) {
  const data = resource.data.value;
  if (data !== undefined) return <>{children(data)}</>;
  if (resource.error.value) return <Failure error={resource.error.value} retry={() => void resource.reload()} />;
  return <Waiting {...(rows === undefined ? {} : { rows })} />;
}
