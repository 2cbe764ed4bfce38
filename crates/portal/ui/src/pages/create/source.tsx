import type { TemplateDetail } from '../../api/catalog-shapes';
import { plural } from '../../format/number';
import { shortDigest } from '../eval/words';
import { Copy } from '../../ui/copy';

/** The steps of a template, its files and its document. */
export function SourceTab({ template }: { template: TemplateDetail }) {
  return (
    <>
      <table class="rows" aria-label="Steps">
        <thead>
          <tr>
            <th scope="col" class="num">
              Line
            </th>
            <th scope="col">Step</th>
            <th scope="col">Action</th>
            <th scope="col">Reaches</th>
            <th scope="col" class="mid">
              Only if
            </th>
          </tr>
        </thead>
        <tbody>
          {template.step_list.map((step) => (
            <tr key={step.id}>
              <td class="num faint">{step.line}</td>
              <td>{step.name}</td>
              <td>
                <code>{step.action}</code>
              </td>
              <td>{step.has_effect ? 'Mizzen itself' : 'the files only'}</td>
              <td class="mid clip">
                <code>{step.if}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <details class="section">
        <summary>{plural(template.files.length, 'file')} of the template</summary>
        <ul class="file-names">
          {template.files.map((file) => (
            <li key={file}>
              <code>{file}</code>
            </li>
          ))}
        </ul>
      </details>
      {template.digest !== null && template.source !== null && (
        <>
          <div class="file-head source-head">
            <code>template.yaml</code>
            <span class="faint mono" title={template.digest}>
              {shortDigest(template.digest)}
            </span>
            <span class="spacer" />
            <Copy text={template.source} label="Copy the template" />
          </div>
          <pre class="file-text" tabIndex={0} role="region" aria-label="The template">
            {template.source}
          </pre>
        </>
      )}
    </>
  );
}
