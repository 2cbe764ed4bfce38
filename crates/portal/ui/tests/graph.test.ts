import { expect, test } from 'vitest';
import { shortName } from '../src/pages/run/rows';
import { edgePath, middleOf } from '../src/format/line';

test('a line runs smoothly through all its points', () => {
  expect(
    edgePath([
      [0, 0],
      [10, 20],
    ]),
  ).toBe('M0 0C5 0 5 20 10 20');
  expect(
    edgePath([
      [0, 0],
      [10, 20],
      [20, 0],
    ]),
  ).toBe('M0 0C5 0 5 20 10 20C15 20 15 0 20 0');
  expect(edgePath([])).toBe('');
});

test('the label sits in the middle of a line', () => {
  expect(
    middleOf({
      from: 'a',
      to: 'b',
      calls: 1,
      errors: 0,
      points: [
        [0, 0],
        [10, 20],
      ],
    }),
  ).toEqual({ x: 5, y: 10 });
  expect(
    middleOf({
      from: 'a',
      to: 'b',
      calls: 1,
      errors: 0,
      points: [
        [0, 0],
        [4, 4],
        [10, 20],
      ],
    }),
  ).toEqual({ x: 4, y: 4 });
});

test('of a long dotted name the end is kept', () => {
  expect(shortName('a2a.server.request_handlers.default_request_handler.DefaultRequestHandler._setup')).toBe(
    '…DefaultRequestHandler._setup',
  );
  expect(shortName('POST /v1/chat/completions and more words.than.fit.in.a.row')).toContain('POST');
  expect(shortName('a.b.c.d')).toBe('a.b.c.d');
});
