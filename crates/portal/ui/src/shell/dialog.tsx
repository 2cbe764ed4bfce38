import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** A modal dialog of the platform: it keeps the focus, closes on Esc and gives the focus back. */
export function Dialog({
  label,
  close,
  children,
  class: extra,
}: {
  label: string;
  close: () => void;
  children: ComponentChildren;
  class?: string;
}) {
  const box = useRef<HTMLDialogElement>(null);
  // Before the next key arrives: what is typed right after ⌘K belongs into the dialog.
  useLayoutEffect(() => {
    const dialog = box.current;
    const before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close();
      before?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={extra ? `dialog ${extra}` : 'dialog'}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => {
        // The backdrop belongs to the dialog element itself; anything inside has another target.
        if (event.target === box.current) close();
      }}
    >
      {children}
    </dialog>
  );
}
