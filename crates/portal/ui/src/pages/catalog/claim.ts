import { withQuery } from '../../api/client';
import { entityPath, splitReference, templatePath } from '../../router';

/** The golden path that takes over an agent that traffic showed. */
const BRING_YOUR_OWN = templatePath('default', 'bring-your-own-agent');

/** An agent is claimed by a golden path, everything else by applying the document that its page shows. */
export function claimPath(reference: string, className: string): string {
  return className === 'agent'
    ? withQuery(BRING_YOUR_OWN, { agent: splitReference(reference).name })
    : entityPath(reference, 'yaml');
}
