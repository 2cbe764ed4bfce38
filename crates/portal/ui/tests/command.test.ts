import { expect, test } from 'vitest';
import { commandFor } from '../src/format/command';
import { EXAMPLES } from '../src/pages/sql/examples';

test('a command names the server unless the command line finds it by itself', () => {
  expect(commandFor('http://127.0.0.1:7600', 'mizzen run -- x')).toBe('mizzen run -- x');
  expect(commandFor('http://localhost:7600', 'mizzen run -- x')).toBe('mizzen run -- x');
  expect(commandFor('http://127.0.0.1:9000', 'mizzen run -- x')).toBe(
    'MIZZEN_URL=http://127.0.0.1:9000 mizzen run -- x',
  );
});

test('what the SQL page calls calls of a model are calls of a model, not of agents that name theirs', () => {
  for (const [title, sql] of EXAMPLES.filter(([, text]) => /SELECT[^]*\bmodel\b[^]*AS calls/.test(text)))
    expect(sql, title).toContain("kind = 'model_call'");
  expect(EXAMPLES.filter(([, sql]) => sql.includes('model_call'))).toHaveLength(2);
});
