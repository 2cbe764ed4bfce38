/**
 * The whole row of a table is a target for the mouse, wherever it has something that opens it (`data-row`). Links and
 * controls inside keep their own meaning, selected text its purpose.
 */
const OWN_MEANING = 'a, button, input, select, textarea, label, summary, [role=button]';

function onClick(event: MouseEvent): void {
  const target = event.target as Element;
  if (event.defaultPrevented || event.shiftKey || event.altKey) return;
  if (target.closest(OWN_MEANING) || window.getSelection()?.toString()) return;
  const row = target.closest('.rows tbody tr');
  const opens = row?.querySelector<HTMLElement>('[data-row]');
  if (!opens || opens.closest('tr') !== row) return;
  if (opens instanceof HTMLAnchorElement && (event.metaKey || event.ctrlKey)) {
    window.open(opens.href, '_blank');
    return;
  }
  opens.focus({ preventScroll: true });
  opens.click();
}

export function openByRows(): void {
  document.addEventListener('click', onClick);
}
