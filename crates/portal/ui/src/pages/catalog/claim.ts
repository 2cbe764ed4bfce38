import { withQuery } from '../../api/client';
import { entityPath, templatePath } from '../../router';

/** The golden path that takes over an agent that traffic showed. */
const BRING_YOUR_OWN = templatePath('default', 'bring-your-own-agent');

/**
 * An agent is claimed by a golden path, which asks for its name in traffic; everything else by applying the document that its
 * page shows.
 */
export function claimPath(reference: string, className: string, nameInTraffic: string): string {
  return className === 'agent' ? withQuery(BRING_YOUR_OWN, { agent: nameInTraffic }) : entityPath(reference, 'yaml');
}
