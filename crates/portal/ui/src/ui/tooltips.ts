import { options } from 'preact';
import { revealedText } from '../format/revealed';

/** Attributes whose text is shown or read aloud as it is. */
const SAID = ['title', 'aria-label', 'aria-description'];

/**
 * What others wrote gets into tooltips and spoken names on every page, so all of them are made to show characters that
 * are not seen, whoever writes the next one.
 */
export function revealTooltips(): void {
  const before = options.vnode;
  options.vnode = (vnode) => {
    if (typeof vnode.type === 'string') revealIn(vnode.props as Record<string, unknown>);
    before?.(vnode);
  };
}

function revealIn(attributes: Record<string, unknown>): void {
  for (const name of SAID) {
    const text = attributes[name];
    if (typeof text === 'string') attributes[name] = revealedText(text);
  }
}
