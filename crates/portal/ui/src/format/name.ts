/** A name that is blank has quotes around it, so that there is something to see and to click. */
export const shownName = (name: string): string => (name.trim() === '' ? `“${name}”` : name);

/** `agent:default/helm-agent` is `helm-agent` wherever a caller is named. */
export const callerName = (reference: string): string => reference.replace(/^[a-z]+:[^/]*\//, '');
