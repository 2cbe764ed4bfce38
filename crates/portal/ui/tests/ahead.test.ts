import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { get, getAhead } from '../src/api/client';
import { firstReads } from '../src/pages/run/paths';

const json = (value: unknown, status = 200): Response =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });
const settled = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

describe('what is read before the page has come', () => {
  const asked = vi.fn<(path: string) => Promise<Response>>();
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('fetch', asked);
    asked.mockReset();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test('is asked once, and taken once', async () => {
    asked.mockImplementation(() => Promise.resolve(json({ count: asked.mock.calls.length })));
    getAhead('/runs/a');
    expect(await get('/runs/a')).toEqual({ count: 1 });
    expect(await get('/runs/a')).toEqual({ count: 2 });
  });

  test('is not taken when it is old', async () => {
    asked.mockImplementation(() => Promise.resolve(json({ count: asked.mock.calls.length })));
    getAhead('/runs/b');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await get('/runs/b')).toEqual({ count: 2 });
  });

  test('a refusal is not kept for after the sign-in', async () => {
    asked.mockResolvedValueOnce(json({ error: { code: 'signed_out', message: 'sign in first' } }, 401));
    getAhead('/runs/c');
    await settled();
    asked.mockResolvedValueOnce(json({ fine: true }));
    expect(await get('/runs/c')).toEqual({ fine: true });
  });

  test('is what the view of the address reads', () => {
    const reads = (query: string): string[] => firstReads('a/b', new URLSearchParams(query));
    expect(reads('')).toEqual(['/runs/a%2Fb', '/runs/a%2Fb/story?limit=100']);
    expect(reads('tab=waterfall&rows=spans')).toEqual(['/runs/a%2Fb', '/runs/a%2Fb/spans?limit=500']);
    expect(reads('tab=waterfall')).toEqual(['/runs/a%2Fb']);
  });
});
