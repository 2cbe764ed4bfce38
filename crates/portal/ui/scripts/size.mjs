// Asserts the budgets of the first load and of page chunks, in brotli bytes as served.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const KIB = 1024;
const BUDGET = { js: 70 * KIB, css: 15 * KIB, total: 120 * KIB, chunk: 40 * KIB, requests: 6 };
/** What the page asks for besides its files: the overview and the event stream. */
const API_REQUESTS = 2;

const dist = new URL('../dist', import.meta.url).pathname;
const compressed = (path) => statSync(`${join(dist, path)}.br`).size;

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = ['index.html', ...[...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1])];
const sum = (files) => files.reduce((bytes, file) => bytes + compressed(file), 0);
const js = sum(first.filter((file) => file.endsWith('.js')));
const css = sum(first.filter((file) => file.endsWith('.css')));
const total = sum(first);
const chunks = readdirSync(join(dist, 'assets'))
  .filter((file) => file.endsWith('.js') && !first.includes(`assets/${file}`))
  .map((file) => ({ file, bytes: compressed(join('assets', file)) }));

const kib = (bytes) => `${(bytes / KIB).toFixed(1)} KiB`;
const failures = [];
const assert = (name, got, limit, show = kib) => {
  console.log(`${name.padEnd(34)} ${show(got).padStart(10)} of ${show(limit)}`);
  if (got > limit) failures.push(name);
};
assert('first load: JavaScript', js, BUDGET.js);
assert('first load: CSS', css, BUDGET.css);
assert('first load: all files', total, BUDGET.total);
assert('first load: requests', first.length + API_REQUESTS, BUDGET.requests, String);
for (const { file, bytes } of chunks) assert(`page chunk ${file}`, bytes, BUDGET.chunk);
if (failures.length > 0) {
  console.error(`over budget: ${failures.join(', ')}`);
  process.exit(1);
}
