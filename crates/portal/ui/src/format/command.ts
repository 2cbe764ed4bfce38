/** Where the command line looks for a server that nobody names. */
const FOUND_UNNAMED = ['http://127.0.0.1:7600', 'http://localhost:7600'];

/** A command that works as it stands: it names the server, unless it is where the command line looks by itself. */
export function commandFor(origin: string, command: string): string {
  return FOUND_UNNAMED.includes(origin) ? command : `MIZZEN_URL=${origin} ${command}`;
}
