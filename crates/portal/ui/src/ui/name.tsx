import { Fragment } from 'preact';
import { shownName } from '../format/name';
import { Revealed } from './revealed';

/** A name or title that others gave. It cannot turn around or hide what stands beside it, nor be nothing at all. */
export function Name({ text }: { text: string }) {
  return (
    <bdi>
      <Revealed text={shownName(text)} />
    </bdi>
  );
}

/** Names in one line. */
export function Names({ texts }: { texts: string[] }) {
  return (
    <span>
      {texts.map((text, index) => (
        <Fragment key={text}>
          {index > 0 && ', '}
          <Name text={text} />
        </Fragment>
      ))}
    </span>
  );
}
