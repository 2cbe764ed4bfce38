/**
 * Characters that are not seen but change what a model reads: zero-width, direction, separators, tags, controls. What makes one
 * emoji out of its parts is seen.
 */
const HIDDEN =
  /(?<!\p{Extended_Pictographic})\ufe0f(?!\u20e3)|(?<![\p{Extended_Pictographic}\ufe0f\u{1f3fb}-\u{1f3ff}])\u200d|\u200d(?!\p{Extended_Pictographic})|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

const byCode = (character: string): string =>
  `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`;

/** The text in pieces, hidden characters by their code point: `ig\u{200B}nore`. */
export function revealed(text: string): { text: string; isHidden: boolean }[] {
  const pieces: { text: string; isHidden: boolean }[] = [];
  let end = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > end) pieces.push({ text: text.slice(end, found.index), isHidden: false });
    pieces.push({ text: byCode(found[0]), isHidden: true });
    end = found.index + found[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), isHidden: false });
  return pieces;
}

/** The same as one text, where no mark can stand: in a tooltip, in a name that is read aloud. */
export const revealedText = (text: string): string => text.replace(HIDDEN, byCode);
