import { signal } from '@preact/signals';

/** Calls of the portal's own HTTP API. The session is a cookie that scripts cannot read. */

const BASE = '/api/v1';

/** True after the server said 401; the shell then shows sign-in in place, so the address stays for afterwards. */
export const signedOut = signal(false);

/** A fault in a text that was sent, where it is. Lines and columns count from 1. */
export interface TextProblem {
  source?: string | null;
  line?: number | null;
  column?: number | null;
  severity?: 'error' | 'warning' | null;
  message: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly problems: TextProblem[] = [],
  ) {
    super(message);
  }
}

export function get<T>(path: string, abort?: AbortSignal): Promise<T> {
  const early = ahead.get(path);
  if (early === undefined) return send<T>('GET', path, undefined, abort);
  ahead.delete(path);
  return early as Promise<T>;
}

/** Answers that were asked for before the code that wants them had come, by path. */
const ahead = new Map<string, Promise<unknown>>();
const AHEAD_MS = 2_000;

/** Asks now; the first `get` of the path takes the answer. One that failed or grew old is asked for again. */
export function getAhead(path: string): void {
  const answer = send('GET', path);
  ahead.set(path, answer);
  answer.then(
    () => setTimeout(() => ahead.delete(path), AHEAD_MS),
    () => ahead.delete(path),
  );
}

export function send<T>(method: string, path: string, body?: unknown, abort?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, headers: { accept: 'application/json' }, credentials: 'same-origin' };
  if (body !== undefined) {
    init.headers = { accept: 'application/json', 'content-type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  if (abort) init.signal = abort;
  return fetch(BASE + path, init).then((response) => decode<T>(response, path), unreachable);
}

/** Sends a text as it is, byte for byte. */
export function sendText<T>(method: string, path: string, text: string, headers: Record<string, string>): Promise<T> {
  const init: RequestInit = {
    method,
    body: text,
    headers: { accept: 'application/json', 'content-type': 'text/plain; charset=utf-8', ...headers },
    credentials: 'same-origin',
  };
  return fetch(BASE + path, init).then((response) => decode<T>(response, path), unreachable);
}

/** Sends a file as it is; the server finds out what it is. */
export function upload<T>(path: string, file: File): Promise<T> {
  const init: RequestInit = { method: 'POST', body: file, credentials: 'same-origin' };
  return fetch(BASE + path, init).then((response) => decode<T>(response, path), unreachable);
}

async function decode<T>(response: Response, path: string): Promise<T> {
  const text = await response.text();
  const json: unknown = text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined;
  if (response.ok) return json as T;
  // A wrong token at sign-in is an answer for the form, not a lost session.
  if (response.status === 401 && path !== '/session') signedOut.value = true;
  const error = (json as { error?: { code?: string; message?: string; problems?: TextProblem[] } } | undefined)?.error;
  throw new ApiError(
    response.status,
    error?.code ?? 'unknown',
    error?.message ?? `the server answered ${response.status}`,
    error?.problems ?? [],
  );
}

function unreachable(cause: unknown): never {
  if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
  throw new ApiError(0, 'unreachable', 'the Mizzen server cannot be reached; is `mizzen up` running?');
}

/** Adds the parameters that have a value. */
export function withQuery(path: string, parameters: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
