import { revealed } from '../format/revealed';

/** A text whose hidden characters are shown. */
export function Revealed({ text }: { text: string }) {
  return (
    <>
      {revealed(text).map((piece, index) =>
        piece.isHidden ? (
          <mark key={index} class="hidden-character" title="A character that is not seen">
            {piece.text}
          </mark>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}
