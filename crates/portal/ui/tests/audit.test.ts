import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { AuditDetail } from '../src/api/audit';
import { fromBase64, leafHash, rootOf } from '../src/pages/audit/merkle';
import { isSigned, parseCheckpoint, parseKey } from '../src/pages/audit/note';
import { Queue, verifyEntry } from '../src/pages/audit/verify';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (array: Uint8Array): string => Buffer.from(array).toString('hex');

/** The tree of RFC 6962 by its recursive definition, written apart from what is tested. */
const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const leafOf = (text: string): Buffer => sha256(Buffer.of(0), Buffer.from(text));
const below = (count: number): number => 2 ** Math.floor(Math.log2(count - 1));
const treeOf = (leaves: Buffer[]): Buffer =>
  leaves.length === 1
    ? leaves[0]!
    : sha256(Buffer.of(1), treeOf(leaves.slice(0, below(leaves.length))), treeOf(leaves.slice(below(leaves.length))));
function pathTo(index: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const at = below(leaves.length);
  return index < at
    ? [...pathTo(index, leaves.slice(0, at)), treeOf(leaves.slice(at))]
    : [...pathTo(index - at, leaves.slice(at)), treeOf(leaves.slice(0, at))];
}

describe('the Merkle tree', () => {
  // The tree of eight leaves that implementations of RFC 6962 test themselves with.
  const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const ROOT = '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328';

  test('leaves hash as the known vectors say', async () => {
    expect(hex(await leafHash(bytes('')))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(hex(await leafHash(bytes('00')))).toBe('96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7');
  });

  test('a known proof leads to the known root', async () => {
    const path = [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ];
    const leaf = await leafHash(bytes(LEAVES[5]!));
    expect(hex((await rootOf(5, 8, leaf, path.map(bytes)))!)).toBe(ROOT);
  });

  // Sizes around powers of two are where trees change their shape.
  const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31, 32, 33];
  const SLOW_MS = 30_000;
  test(
    'every index of a tree leads to its root, and to no other place',
    async () => {
      for (const size of SIZES) {
        const leaves = Array.from({ length: size }, (_, index) => leafOf(`entry ${index}`));
        const root = hex(treeOf(leaves));
        const check = async (leaf: Buffer, index: number): Promise<void> => {
          const path = pathTo(index, leaves);
          expect(hex((await rootOf(index, size, leaf, path))!)).toBe(root);
          const elsewhere = await rootOf((index + 1) % size, size, leaf, path);
          if (size > 1) expect(elsewhere && hex(elsewhere)).not.toBe(root);
        };
        await Promise.all(leaves.map(check));
      }
    },
    SLOW_MS,
  );

  test('a path that is too short or too long, and an index outside, prove nothing', async () => {
    const leaves = ['a', 'b', 'c', 'd', 'e'].map(leafOf);
    const path = pathTo(1, leaves);
    expect(await rootOf(1, 5, leaves[1]!, path.slice(1))).toBeNull();
    expect(await rootOf(1, 5, leaves[1]!, [...path, leaves[0]!])).toBeNull();
    expect(await rootOf(5, 5, leaves[1]!, path)).toBeNull();
    expect(await rootOf(-1, 5, leaves[1]!, path)).toBeNull();
  });
});

const ORIGIN = 'mizzen/audit/test';
let privateKey: KeyObject;
let raw: Buffer;
let key: string;

const keyId = (): Buffer => sha256(Buffer.from(`${ORIGIN}\n`), raw).subarray(0, 4);

function noteOf(size: number, root: Buffer, by = privateKey): string {
  const body = `${ORIGIN}\n${size}\n${root.toString('base64')}\n`;
  const signature = Buffer.concat([keyId(), sign(null, Buffer.from(body), by)]).toString('base64');
  const witness = Buffer.concat([Buffer.of(1, 2, 3, 4), Buffer.alloc(72, 7)]).toString('base64');
  return `${body}\n— ${ORIGIN} ${signature}\n— witness.example/w1 ${witness}\n`;
}

beforeAll(() => {
  const pair = generateKeyPairSync('ed25519');
  privateKey = pair.privateKey;
  raw = Buffer.concat([Buffer.of(1), pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)]);
  key = `${ORIGIN}+${keyId().toString('hex')}+${raw.toString('base64')}`;
});

describe('the checkpoint', () => {
  const root = leafOf('root');

  test('is read with all who signed it', () => {
    const checkpoint = parseCheckpoint(noteOf(7, root));
    expect(checkpoint).toMatchObject({ origin: ORIGIN, size: 7 });
    expect(checkpoint?.signatures.map(({ name }) => name)).toEqual([ORIGIN, 'witness.example/w1']);
    expect(
      ['', `${ORIGIN}\n07\nAA==\n\n— a AAAAAAA=\n`, noteOf(7, root).replace('\n\n', '\n')].map(parseCheckpoint),
    ).toEqual([null, null, null]);
  });

  test('holds for its key and for no changed byte', async () => {
    const known = (await parseKey(key))!;
    expect(await isSigned(parseCheckpoint(noteOf(7, root))!, known)).toBe('yes');
    const larger = parseCheckpoint(noteOf(7, root).replace(`${ORIGIN}\n7\n`, `${ORIGIN}\n8\n`))!;
    expect(await isSigned(larger, known)).toBe('no');
    const stranger = generateKeyPairSync('ed25519').privateKey;
    expect(await isSigned(parseCheckpoint(noteOf(7, root, stranger))!, known)).toBe('no');
  });

  test('a key whose hash is of another key is refused', async () => {
    expect(await parseKey(key)).toMatchObject({ name: ORIGIN });
    expect(await parseKey(key.replace(/\+[0-9a-f]{8}\+/, '+00000000+'))).toBeNull();
    expect(await parseKey('no key')).toBeNull();
  });
});

describe('one entry', () => {
  const texts = Array.from({ length: 6 }, (_, index) => JSON.stringify({ v: 1, kind: 'decision', index }));
  const leaves = texts.map(leafOf);
  const detail = (index: number, more: Partial<AuditDetail> = {}): AuditDetail => ({
    index,
    pruned: false,
    entry: null,
    text: texts[index]!,
    leaf_hash: leaves[index]!.toString('base64'),
    proof: {
      index,
      size: 6,
      leaf_hash: leaves[index]!.toString('base64'),
      path: pathTo(index, leaves).map((hash) => hash.toString('base64')),
      root: treeOf(leaves).toString('base64'),
      checkpoint: noteOf(6, treeOf(leaves)),
      verified: true,
    },
    ...more,
  });

  test('is checked from its text to the signature', async () => {
    for (let index = 0; index < 6; index += 1) {
      expect(await verifyEntry(detail(index), key)).toEqual({
        state: 'checked',
        size: 6,
        signature: 'yes',
        contentChecked: true,
      });
    }
  });

  test('what was removed by retention is checked by its hash alone', async () => {
    expect(await verifyEntry(detail(2, { text: null, pruned: true }), key)).toMatchObject({ contentChecked: false });
  });

  test('every lie is named, though the server says that it verified', async () => {
    const why = async (lie: AuditDetail, by = key): Promise<string> => {
      const verdict = await verifyEntry(lie, by);
      return verdict.state === 'failed' ? verdict.why : verdict.state;
    };
    const honest = detail(3);
    expect(await why({ ...honest, text: honest.text!.replace('decision', 'approval') })).toContain(
      'not what was logged',
    );
    expect(await why({ ...honest, index: 4 })).toContain('another entry');
    expect(await why({ ...honest, proof: { ...honest.proof, path: detail(2).proof.path } })).toContain(
      'not in the log',
    );
    expect(await why({ ...honest, proof: { ...honest.proof, path: ['%%'] } })).toContain('cannot be read');
    const forged = noteOf(6, treeOf(leaves), generateKeyPairSync('ed25519').privateKey);
    expect(await why({ ...honest, proof: { ...honest.proof, checkpoint: forged } })).toContain('not signed');
    expect(await why(honest, 'other+00000000+AAAA')).toContain('key of the log cannot be read');
  });
});

test('work waits its turn, what somebody looks at goes first', async () => {
  const queue = new Queue(1);
  const order: number[] = [];
  const work = (name: number) => async (): Promise<void> => {
    order.push(name);
  };
  await Promise.all([queue.add(work(1)), queue.add(work(2)), queue.add(work(3)), queue.add(work(4), true)]);
  expect(order).toEqual([1, 4, 2, 3]);
});

test('base64 that is none', () => {
  expect(fromBase64('a b%')).toBeNull();
  expect(fromBase64('AAE=')).toEqual(Uint8Array.of(0, 1));
});
