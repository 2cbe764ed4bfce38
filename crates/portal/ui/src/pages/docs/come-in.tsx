import { Command } from '../../ui/copy';

/** What to do for an entity to have documentation. */
export function HowDocsComeIn() {
  return (
    <>
      <p>
        A catalog file that says <code>backstage.io/techdocs-ref: dir:.</code> brings its documentation along when it is
        applied: Markdown in <code>docs/</code> beside it, in the order of <code>mkdocs.yml</code> where there is one.
      </p>
      <div class="empty-steps">
        <Command text="mizzen apply -f ." />
      </div>
    </>
  );
}
