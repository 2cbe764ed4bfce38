import { fromBase64, sameBytes } from './merkle';

/** C2SP signed notes (signed-note, tlog-checkpoint): who signed which root of which size. */

const ED25519 = 1;
const SIGNATURE = /^— (\S+) (\S+)$/;
const KEY_ID_BYTES = 4;

interface Signature {
  name: string;
  keyId: Uint8Array;
  signature: Uint8Array<ArrayBuffer>;
}

interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  /** What is signed, its last newline included. */
  body: string;
  signatures: Signature[];
}

export function parseCheckpoint(note: string): Checkpoint | null {
  const end = note.lastIndexOf('\n\n');
  if (end < 0) return null;
  const body = note.slice(0, end + 1);
  const [origin, size, rootText] = body.split('\n');
  const root = fromBase64(rootText ?? '');
  if (!origin || !/^(0|[1-9]\d*)$/.test(size ?? '') || root?.length !== 32) return null;
  const signatures = note
    .slice(end + 2)
    .split('\n')
    .filter(Boolean)
    .map(parseSignature);
  if (signatures.length === 0 || signatures.includes(null)) return null;
  return { origin, size: Number(size), root, body, signatures: signatures.filter((one) => one !== null) };
}

function parseSignature(line: string): Signature | null {
  const [, name, text] = SIGNATURE.exec(line) ?? [];
  const bytes = fromBase64(text ?? '');
  if (!name || !bytes || bytes.length <= KEY_ID_BYTES) return null;
  return { name, keyId: bytes.slice(0, KEY_ID_BYTES), signature: bytes.slice(KEY_ID_BYTES) };
}

interface VerifierKey {
  name: string;
  keyId: Uint8Array;
  publicKey: Uint8Array<ArrayBuffer>;
}

/** `NAME+HASH+BASE64`; null when it is no Ed25519 key or its hash is not that of name and key. */
export async function parseKey(text: string): Promise<VerifierKey | null> {
  // The base64 part may hold a `+` itself, so only the first two divide.
  const [, name, hash, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  const bytes = fromBase64(encoded ?? '');
  if (!name || !hash || bytes?.length !== 33 || bytes[0] !== ED25519) return null;
  const named = new TextEncoder().encode(`${name}\n`);
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from([...named, ...bytes]));
  const keyId = new Uint8Array(digest).slice(0, KEY_ID_BYTES);
  const told = Uint8Array.from(hash.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return sameBytes(keyId, told) ? { name, keyId, publicKey: bytes.slice(1) } : null;
}

type Signed = 'yes' | 'no' | 'unsupported';

/** Whether `key` signed the checkpoint. Older browsers have no Ed25519 and say so. */
export async function isSigned(checkpoint: Checkpoint, key: VerifierKey): Promise<Signed> {
  const mine = checkpoint.signatures.find(({ name, keyId }) => name === key.name && sameBytes(keyId, key.keyId));
  if (!mine) return 'no';
  try {
    const imported = await crypto.subtle.importKey('raw', key.publicKey, 'Ed25519', false, ['verify']);
    const body = new TextEncoder().encode(checkpoint.body);
    return (await crypto.subtle.verify('Ed25519', imported, mine.signature, body)) ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotSupportedError') return 'unsupported';
    return 'no';
  }
}
