// Browser tests. `--mock` starts the stand-in server; else MIZZEN_URL and MIZZEN_TOKEN name a real one that
// holds at least one run with steps.
import { chromiumIsThere, launch, open } from './browser.mjs';
import { startMock } from './mock.mjs';
import { flows } from './flows.mjs';
import { catalogFlows } from './flows-catalog.mjs';
import { catalogMockFlows } from './flows-catalog-mock.mjs';
import { evalFlows } from './flows-eval.mjs';
import { goldenFlows } from './flows-golden-paths.mjs';
import { goldenMockFlows } from './flows-golden-paths-mock.mjs';
import { listFlows } from './flows-lists-mock.mjs';
import { mockFlows } from './flows-mock.mjs';
import { permissionMockFlows } from './flows-permission-mock.mjs';
import { permissionFlows, permissionServerFlows } from './flows-permission.mjs';
import { pages } from './pages.mjs';
import { seedCatalog } from './seed-catalog.mjs';
import { speed } from './speed.mjs';

const mock = process.argv.includes('--mock');
const only = process.argv.slice(2).find((argument) => !argument.startsWith('--'));

async function main() {
  if (!chromiumIsThere()) {
    console.error('no Chromium at /usr/bin/chromium: install Debian package `chromium` or set MIZZEN_BROWSER');
    return process.env.CI === 'true' ? 1 : 0;
  }
  const server = mock ? await startMock() : { url: process.env.MIZZEN_URL, token: process.env.MIZZEN_TOKEN };
  if (!server.url || !server.token) {
    console.error('set MIZZEN_URL and MIZZEN_TOKEN, or pass --mock');
    return 1;
  }
  const empty = mock ? await startMock({ empty: true }) : null;
  const browser = await launch();
  if (!mock) await seed(browser, server);
  const tests = [
    ...pages,
    ...flows,
    ...permissionFlows,
    ...speed,
    ...(mock
      ? [...mockFlows, ...listFlows, ...catalogMockFlows, ...goldenMockFlows, ...evalFlows, ...permissionMockFlows]
      : [...permissionServerFlows, ...catalogFlows, ...goldenFlows]),
  ].filter(({ name }) => !only || new RegExp(only).test(name));
  let failed = 0;
  for (const test of tests) {
    const started = performance.now();
    try {
      const note = await test.run({ browser, server, empty });
      console.log(`ok    ${test.name} (${Math.round(performance.now() - started)} ms)${note ? `: ${note}` : ''}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${test.name}: ${error.message}`);
    }
  }
  await browser.close();
  server.stop?.();
  empty?.stop();
  console.log(`${tests.length - failed} of ${tests.length} browser tests passed`);
  return failed === 0 ? 0 : 1;
}

/** The demonstration's runs are there; what is registered, its owners and versions come from here. */
async function seed(browser, server) {
  const { page, close } = await open(browser, server);
  await seedCatalog(page, server);
  await close();
}

process.exitCode = await main();
