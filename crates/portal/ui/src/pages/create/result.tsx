import type { Effect, LogLine, Made, MadeFile } from '../../api/catalog-shapes';
import { bytes, plural } from '../../format/number';
import { EntityLink } from '../../ui/catalog';
import { Copy } from '../../ui/copy';
import { Revealed } from '../../ui/revealed';
import { Files } from '../../ui/files';
import { Icon } from '../../ui/icon';
import { Said } from '../../ui/status';
import { Ticked } from '../../ui/ticked';
import { Unified } from '../../ui/unified';
import { DownloadButton } from './download';
import { effectMark, fileMark, logMark } from './words';

/** What a template would make, or has made: links first, then files, then what else it changes, then its log. */
export function Result({ made }: { made: Made }) {
  return (
    <>
      {!made.dry_run && <Links made={made} />}
      <h2 class="made-title">{plural(made.files.length, 'file')}</h2>
      <Files files={made.files.map((file) => ({ ...file, ...fileMark(file) }))} label="Files">
        {(file) => <ShownFile file={file} />}
      </Files>
      {made.effects.length > 0 && <Effects effects={made.effects} />}
      <Log log={made.log} isOpen={!made.dry_run} />
    </>
  );
}

function Links({ made }: { made: Made }) {
  return (
    <div class="made-links" role="status">
      <p>
        <Icon name="passed" /> <b>Made.</b>{' '}
        {made.entities.map((reference, index) => (
          <span key={reference}>
            {index > 0 && ', '}
            <EntityLink reference={reference} />
          </span>
        ))}
      </p>
      <div class="links">
        {made.archive && <DownloadButton archive={made.archive} />}
        {made.project && (
          <span>
            Written to the folder <code>{made.project}</code>
          </span>
        )}
        {made.output.links.map((link) =>
          link.entityRef ? (
            <EntityLink key={link.entityRef} reference={link.entityRef} title={link.title} />
          ) : (
            link.url && (
              <a key={link.url} href={link.url}>
                {link.title ?? link.url}
              </a>
            )
          ),
        )}
      </div>
      {made.output.text.map((text) => (
        <section key={text.title} class="prose rendered">
          {text.title && <h3>{text.title}</h3>}
          <div dangerouslySetInnerHTML={{ __html: text.html }} />
        </section>
      ))}
    </div>
  );
}

function ShownFile({ file }: { file: MadeFile }) {
  return (
    <>
      <div class="file-head">
        <code>{file.path}</code>
        <span class="faint">
          {bytes(file.bytes)}
          {file.executable && ', executable'}
        </span>
        <span class="spacer" />
        {file.encoding === 'utf-8' && <Copy text={file.content} label={`Copy ${file.path}`} />}
      </div>
      {file.diff ? (
        <Unified text={file.diff} label={`Changes of ${file.path}`} />
      ) : file.encoding === 'utf-8' ? (
        <pre class="file-text" tabIndex={0} role="region" aria-label={`Content of ${file.path}`}>
          <Revealed text={file.content} />
        </pre>
      ) : (
        <p class="calm">Not a text: {bytes(file.bytes)}.</p>
      )}
    </>
  );
}

function Effects({ effects }: { effects: Effect[] }) {
  return (
    <>
      <h2 class="made-title">What else changes</h2>
      <ul class="effects">
        {effects.map((effect) => (
          <li key={`${effect.step}:${effect.summary}`}>
            <Said {...effectMark[effect.state]} />
            <span>
              <Ticked text={effect.summary} />
              {effect.detail && <span class="faint"> {effect.detail}</span>}
              {typeof effect.output?.['key'] === 'string' && <Secret text={effect.output['key']} />}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Secret({ text }: { text: string }) {
  return (
    <span class="command secret">
      <code>{text}</code>
      <Copy text={text} label="Copy the key" />
      <span class="faint">shown this once</span>
    </span>
  );
}

function Log({ log, isOpen }: { log: LogLine[]; isOpen: boolean }) {
  return (
    <details class="section made-log" open={isOpen}>
      <summary>Log ({plural(log.length, 'line')})</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Log">
        <table class="rows">
          <thead>
            <tr>
              <th scope="col" class="num">
                After
              </th>
              <th scope="col">State</th>
              <th scope="col">Step</th>
              <th scope="col" class="mid">
                Action
              </th>
              <th scope="col">What happened</th>
            </tr>
          </thead>
          <tbody>
            {log.map((line, index) => (
              <tr key={index}>
                <td class="num faint">{line.after_ms} ms</td>
                <td>
                  <Said {...logMark[line.level]} />
                </td>
                <td title={`Line ${line.line} of the template`}>{line.name}</td>
                <td class="mid">
                  <code>{line.action}</code>
                </td>
                <td>{line.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
