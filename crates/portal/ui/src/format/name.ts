/** A name that is blank has quotes around it, so that there is something to see and to click. */
export const shownName = (name: string): string => (name.trim() === '' ? `“${name}”` : name);
