/**
 * Movement through rows by j and k, arrows, Home and End. Rows are links marked `data-row`; the focused one is
 * the selected one, so Enter opens it and a screen reader announces it without more machinery.
 */
export function moveRow(root: ParentNode, key: string): boolean {
  const rows = [...root.querySelectorAll<HTMLElement>('[data-row]')];
  if (rows.length === 0) return false;
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const last = rows.length - 1;
  const target: Record<string, number> = {
    j: at < 0 ? 0 : Math.min(at + 1, last),
    ArrowDown: at < 0 ? 0 : Math.min(at + 1, last),
    k: at < 0 ? last : Math.max(at - 1, 0),
    ArrowUp: at < 0 ? last : Math.max(at - 1, 0),
    Home: 0,
    End: last,
  };
  const row = rows[target[key] ?? -1];
  if (!row) return false;
  row.focus();
  row.scrollIntoView({ block: 'nearest' });
  return true;
}
