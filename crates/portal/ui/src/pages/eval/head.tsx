import type { ComponentChildren } from 'preact';
import { address } from '../../location';
import { PageHead } from '../../ui/page-head';

const PAGES: [string, string][] = [
  ['/evaluations', 'Experiments'],
  ['/evaluations/compare', 'Compare'],
  ['/evaluations/monitors', 'Monitors'],
  ['/evaluations/labels', 'Labelling'],
  ['/evaluations/sets', 'Eval sets'],
  ['/evaluations/baselines', 'Baselines'],
  ['/evaluations/evaluators', 'Evaluators'],
  ['/evaluations/plan', 'Plan'],
];

/** The heading of the evaluation pages that are lists, with the way to the others. */
export function EvalHead({ title, children }: { title: string; children?: ComponentChildren }) {
  const path = address.value.path.replace(/\/$/, '');
  return (
    <>
      <PageHead title={title}>{children}</PageHead>
      <nav class="tabs section-nav" aria-label="Evaluation">
        {PAGES.map(([href, name]) => (
          <a key={href} href={href} aria-current={path === href ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
    </>
  );
}
