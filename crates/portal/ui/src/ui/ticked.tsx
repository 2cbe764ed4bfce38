import { Revealed } from './revealed';

/** A sentence of the server, what stands in backticks set as code. It may quote what strangers wrote. */
export function Ticked({ text }: { text: string }) {
  return (
    <>
      {text.split(/`([^`]+)`/).map((part, index) => {
        const words = <Revealed key={index} text={part} />;
        return index % 2 === 1 ? <code key={index}>{words}</code> : words;
      })}
    </>
  );
}
