/** What the parts of the stand-in server say no with. */
export const refused = (status, code, message, problems) => ({ refused: { status, code, message, problems } });
export const unknown = (what, id) => refused(404, 'not_found', `there is no ${what} \`${id}\``);
