import type { ComponentChildren } from 'preact';

/** A name and its value in the strip of facts below a heading. */
export function Fact({ name, title, children }: { name: string; title?: string; children: ComponentChildren }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
