import type { AuditDetail } from '../../api/audit';
import { fromBase64, leafHash, rootOf, sameBytes } from './merkle';
import { isSigned, parseCheckpoint, parseKey } from './note';

/** What this browser found out about one entry, by its own computation. */
export type Verdict =
  | { state: 'checked'; size: number; signature: 'yes' | 'unsupported'; contentChecked: boolean }
  | { state: 'failed'; why: string }
  | { state: 'impossible'; why: string };

/**
 * From the logged text to the signed root: the text hashes to the leaf, the path leads from it to a root, that root is
 * the checkpoint's, and the log's key signed the checkpoint. A pruned entry has no text; its hash is still in the tree.
 */
export async function verifyEntry(detail: AuditDetail, key: string): Promise<Verdict> {
  // Only pages from a secure context (HTTPS, or this machine) may compute hashes.
  if (!globalThis.crypto?.subtle) {
    return { state: 'impossible', why: 'this page did not come over HTTPS, so the browser cannot compute hashes' };
  }
  const { proof, text } = detail;
  const claimed = fromBase64(proof.leaf_hash);
  const path = proof.path.map(fromBase64);
  const checkpoint = parseCheckpoint(proof.checkpoint);
  if (!claimed || path.includes(null)) return failed('the proof cannot be read');
  if (!checkpoint) return failed('the checkpoint cannot be read');
  if (proof.index !== detail.index) return failed('the proof is of another entry');
  const leaf = text === null ? claimed : await leafHash(new TextEncoder().encode(text));
  if (!sameBytes(leaf, claimed)) return failed('the text shown is not what was logged');
  const root = await rootOf(proof.index, checkpoint.size, leaf, path as Uint8Array[]);
  if (!root || !sameBytes(root, checkpoint.root))
    return failed('the entry is not in the log that the checkpoint signs');
  const known = await parseKey(key);
  if (!known) return failed('the key of the log cannot be read');
  const signature = await isSigned(checkpoint, known);
  if (signature === 'no') return failed('the checkpoint is not signed with the key of the log');
  return { state: 'checked', size: checkpoint.size, signature, contentChecked: text !== null };
}

const failed = (why: string): Verdict => ({ state: 'failed', why });

/** Runs at most `most` at a time, in the order they were asked for. */
export class Queue {
  private running = 0;
  private readonly waiting: (() => Promise<void>)[] = [];

  constructor(private readonly most: number) {}

  /** `first` goes before all that wait: somebody looks at it. */
  add<T>(work: () => Promise<T>, first = false): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waiting[first ? 'unshift' : 'push'](() => work().then(resolve, reject));
      this.next();
    });
  }

  private next(): void {
    if (this.running >= this.most) return;
    const work = this.waiting.shift();
    if (!work) return;
    this.running += 1;
    void work().finally(() => {
      this.running -= 1;
      this.next();
    });
  }
}
