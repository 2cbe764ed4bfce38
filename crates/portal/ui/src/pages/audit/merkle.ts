/**
 * Inclusion proofs of RFC 6962 (section 2.1.1; the loop is that of RFC 9162, 2.1.3.2) with SHA-256, as the browser
 * computes it: whoever looks at the page need not take the server's word for it.
 */

const LEAF = 0;
const NODE = 1;

async function sha256(parts: Uint8Array[]): Promise<Uint8Array> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', all));
}

export const leafHash = (leaf: Uint8Array): Promise<Uint8Array> => sha256([Uint8Array.of(LEAF), leaf]);

/** The root that the path leads to; null when it cannot be a path of that leaf in a tree of that size. */
export async function rootOf(
  index: number,
  size: number,
  leaf: Uint8Array,
  path: Uint8Array[],
): Promise<Uint8Array | null> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  let [at, last] = [BigInt(index), BigInt(size - 1)];
  let hash = leaf;
  for (const sibling of path) {
    if (last === 0n) return null;
    if ((at & 1n) === 1n || at === last) {
      hash = await sha256([Uint8Array.of(NODE), sibling, hash]);
      while ((at & 1n) === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await sha256([Uint8Array.of(NODE), hash, sibling]);
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? hash : null;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Null where the text is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
