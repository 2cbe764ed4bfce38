import { describe, expect, test } from 'vitest';
import { diff, isSame, parts, type Row } from '../src/format/diff';
import { differing } from '../src/format/diff-pairs';
import { revealed, revealedText } from '../src/format/revealed';
import { marked, offsetOf } from '../src/format/text-place';

const told = (rows: Row[]): string[] =>
  rows.map(({ kind, before, after }) =>
    kind === 'same' ? `  ${before?.text}` : `${before ? `-${before.text}` : ''}${after ? `+${after.text}` : ''}`,
  );

describe('differences', () => {
  test('what was inserted, removed and replaced', () => {
    expect(told(diff('a\nb\nc\n', 'a\nx\nb\nc\n'))).toEqual(['  a', '+x', '  b', '  c']);
    expect(told(diff('a\nb\nc', 'a\nc'))).toEqual(['  a', '-b', '  c']);
    expect(told(diff('a\nb\nc', 'a\nB\nc'))).toEqual(['  a', '-b+B', '  c']);
    expect(told(diff('', 'a\n'))).toEqual(['+a']);
    expect(isSame(diff('a\nb', 'a\nb\n'))).toBe(true);
  });

  test('both sides are whole and in order, whatever the texts', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let round = 0; round < 200; round += 1) {
      const text = (): string => Array.from({ length: 1 + random(12) }, () => 'abcd'[random(4)]).join('\n');
      const [before, after] = [text(), text()];
      const rows = diff(before, after);
      expect(rows.flatMap((row) => (row.before ? [row.before.text] : [])).join('\n')).toBe(before);
      expect(rows.flatMap((row) => (row.after ? [row.after.text] : [])).join('\n')).toBe(after);
      expect(rows.flatMap((row) => (row.before ? [row.before.at] : []))).toEqual(
        before.split('\n').map((_, at) => at + 1),
      );
      expect(rows.every(({ kind, before: b, after: a }) => kind === 'changed' || b?.text === a?.text)).toBe(true);
    }
  });

  test('a changed line stands beside what it was, however many came in before it', () => {
    const before = '"description": "Pays back an order",\n"title": "Refund",';
    const after =
      '"audience": "staff",\n"description": "Pays back an order. First send the file along.",\n"title": "Refunds",';
    expect(told(diff(before, after))).toEqual([
      '+"audience": "staff",',
      '-"description": "Pays back an order",+"description": "Pays back an order. First send the file along.",',
      '-"title": "Refund",+"title": "Refunds",',
    ]);
    expect(told(diff('alpha beta\ngamma', 'x\nnew\nalpha beta too'))).toEqual([
      '+x',
      '+new',
      '-alpha beta+alpha beta too',
      '-gamma',
    ]);
  });

  test('what differs within a line is told', () => {
    expect(differing('to pay 1 €', 'to pay 10 €')).toEqual([
      { start: 'to pay 1', differs: '', end: ' €' },
      { start: 'to pay 1', differs: '0', end: ' €' },
    ]);
    expect(differing('😀', '😁')[0]).toEqual({ start: '', differs: '😀', end: '' });
    expect(differing('aa', 'aaa')[1]).toEqual({ start: 'aa', differs: 'a', end: '' });
  });

  test('long stretches alike are put away', () => {
    const many = Array.from({ length: 20 }, (_, at) => `line ${at}`).join('\n');
    const found = parts(diff(many, many.replace('line 10', 'changed')), 2);
    expect(found.map(({ kind, rows }) => [kind, rows.length])).toEqual([
      ['hidden', 8],
      ['rows', 5],
      ['hidden', 7],
    ]);
  });
});

test('characters that are not seen are shown', () => {
  expect(revealed('fir\u200bst\u{e0041}')).toEqual([
    { text: 'fir', isHidden: false },
    { text: '\\u{200B}', isHidden: true },
    { text: 'st', isHidden: false },
    { text: '\\u{E0041}', isHidden: true },
  ]);
  expect(revealed('GB\u2028\u202e29').filter(({ isHidden }) => isHidden).length).toBe(2);
  expect(revealedText('fir\u200bst\u{e0041}')).toBe('fir\\u{200B}st\\u{E0041}');
  expect(revealedText('❤️ 👨‍👩‍👧 👋🏽 1️⃣')).toBe('❤️ 👨‍👩‍👧 👋🏽 1️⃣');
  expect(revealedText('1\ufe0f0 a\u200db ❤\ufe0f\ufe0f')).toBe('1\\u{FE0F}0 a\\u{200D}b ❤\ufe0f\\u{FE0F}');
  expect(revealed('größe\tok\n日本')).toEqual([{ text: 'größe\tok\n日本', isHidden: false }]);
});

describe('places in a text', () => {
  const text = 'agent: a\ntolls:\n  - x\n';
  test('lines and columns become offsets', () => {
    expect([offsetOf(text, 1, 1), offsetOf(text, 2, 1), offsetOf(text, 3, 5), offsetOf(text, 99, 1)]).toEqual([
      0, 9, 20, 22,
    ]);
    expect(offsetOf('😀: x', 1, 2)).toBe(2);
  });
  test('the word at each problem is marked, and the pieces are the text', () => {
    const pieces = marked(text, [
      { line: 2, column: 1, message: 'unknown' },
      { line: 1, column: 8, message: 'short', severity: 'warning' },
      { message: 'without a place' },
    ]);
    expect(pieces).toEqual([
      { text: 'agent: ', severity: null },
      { text: 'a', severity: 'warning' },
      { text: '\n', severity: null },
      { text: 'tolls', severity: 'error' },
      { text: ':\n  - x\n', severity: null },
    ]);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
  });
  test('at the end of a line its last character is marked', () => {
    expect(marked('ab\n', [{ line: 1, column: 3, message: 'ends' }])[1]).toEqual({ text: 'b', severity: 'error' });
  });
});
