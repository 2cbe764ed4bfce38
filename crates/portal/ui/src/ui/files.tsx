import '../styles/files.css';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { plural } from '../format/number';
import { Icon } from './icon';
import { Said, type Mark } from './status';
import { treeOf, type Folder } from './file-tree';

/** How it differs is its mark; the word is empty when there is nothing to say. */
interface ListedFile extends Mark {
  path: string;
}

/** Files as a tree and, beside it, the one that was chosen. The tree is nested lists of buttons, which every reader knows. */
export function Files<T extends ListedFile>({
  files,
  label,
  first,
  children,
}: {
  files: T[];
  label: string;
  /** The path that is open at first; without it, what a reader would begin with. */
  first?: string | undefined;
  children: (file: T) => ComponentChildren;
}) {
  const [path, choose] = useState('');
  const tree = treeOf(files);
  const chosen = files.find((file) => file.path === (path || first)) ?? firstOf(tree);
  return (
    <div class="files">
      <nav class="file-tree" aria-label={label}>
        <Branch folder={tree} chosen={chosen?.path ?? ''} choose={choose} />
      </nav>
      <section class="file-shown" aria-label={chosen?.path ?? label}>
        {chosen ? children(chosen) : <p class="calm">No files.</p>}
      </section>
    </div>
  );
}

function Branch<T extends ListedFile>({
  folder,
  chosen,
  choose,
}: {
  folder: Folder<T>;
  chosen: string;
  choose: (path: string) => void;
}) {
  return (
    <ul>
      {folder.folders.map((inner) => (
        <li key={inner.path}>
          <details open>
            <summary>
              <Icon name="group" />
              {inner.name}
              <span class="hidden">, {plural(inner.files.length + inner.folders.length, 'entry', 'entries')}</span>
            </summary>
            <Branch folder={inner} chosen={chosen} choose={choose} />
          </details>
        </li>
      ))}
      {folder.files.map(({ name, file }) => (
        <li key={file.path}>
          <button
            type="button"
            data-row
            aria-current={file.path === chosen ? 'true' : undefined}
            onClick={() => choose(file.path)}
          >
            <Icon name="audit" />
            <span class="file-name">{name}</span>
            {file.word && <Said {...file} />}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The first file as the tree shows them, files of the root before those of folders: that is where a reader begins. */
function firstOf<T>(tree: Folder<T>): T | undefined {
  const own = tree.files.find(({ name }) => name.toLowerCase() === 'readme.md') ?? tree.files[0];
  if (own) return own.file;
  for (const folder of tree.folders) {
    const found = firstOf(folder);
    if (found) return found;
  }
  return undefined;
}
