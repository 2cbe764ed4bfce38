import type { ComponentChildren } from 'preact';

/** One large number with its name and a line of what it rests on. */
export function Figure({
  name,
  value,
  note,
  title,
  bad,
}: {
  name: string;
  value: ComponentChildren;
  note: ComponentChildren;
  title?: string;
  bad?: boolean;
}) {
  return (
    <dl class={bad ? 'figure bad' : 'figure'}>
      <dt>{name}</dt>
      <dd title={title}>{value}</dd>
      <dd class="note">{note}</dd>
    </dl>
  );
}
