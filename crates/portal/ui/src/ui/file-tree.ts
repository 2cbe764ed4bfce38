/** Paths as a tree: folders first, each in the order of names. */

export interface Folder<T> {
  name: string;
  /** From the root, without a slash at its end; empty for the root. */
  path: string;
  folders: Folder<T>[];
  files: { name: string; file: T }[];
}

export function treeOf<T extends { path: string }>(files: T[]): Folder<T> {
  const root: Folder<T> = { name: '', path: '', folders: [], files: [] };
  for (const file of files) {
    const parts = file.path.split('/').filter(Boolean);
    const name = parts.pop() ?? file.path;
    let at = root;
    for (const part of parts) {
      let next = at.folders.find((folder) => folder.name === part);
      if (!next) {
        next = { name: part, path: at.path ? `${at.path}/${part}` : part, folders: [], files: [] };
        at.folders.push(next);
      }
      at = next;
    }
    at.files.push({ name, file });
  }
  sort(root);
  return root;
}

function sort<T>(folder: Folder<T>): void {
  folder.folders.sort((a, b) => a.name.localeCompare(b.name));
  folder.files.sort((a, b) => a.name.localeCompare(b.name));
  folder.folders.forEach(sort);
}
