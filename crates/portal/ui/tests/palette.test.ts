import { expect, test } from 'vitest';
import { best, score } from '../src/shell/match';

test('all characters must occur, in order', () => {
  expect(score('ord', 'order-support')).toBeGreaterThan(0);
  expect(score('sup ord', 'order-support')).toBeNull();
  expect(score('os', 'order-support')).not.toBeNull();
});

test('whole words beat scattered letters, beginnings beat middles', () => {
  expect(best('run', ['return unit', 'Prune', 'Runs'], (label) => ({ label }), 3)).toEqual([
    'Runs',
    'Prune',
    'return unit',
  ]);
});

test('without a query everything stays in order', () => {
  expect(best('', ['b', 'a', 'c'], (label) => ({ label }), 2)).toEqual(['b', 'a']);
});

test('what an entry is called beats what else it is found by', () => {
  const items = [
    { label: 'Shop', also: 'System refund shop' },
    { label: 'Refund desk', also: 'Agent refund refund-desk' },
  ];
  expect(best('refund', items, (item) => item, 2).map(({ label }) => label)).toEqual(['Refund desk', 'Shop']);
});
