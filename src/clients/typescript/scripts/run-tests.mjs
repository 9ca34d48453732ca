// Runs the tests and ends with the line `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'tests');
const files = readdirSync(folder).filter((name) => name.endsWith('.test.mjs')).sort();
const runner = spawn(process.execPath, [
  '--expose-gc', '--test', '--test-reporter=tap', ...files.map((name) => join(folder, name)),
], { stdio: ['ignore', 'pipe', 'inherit'] });

const counts = { pass: 0, fail: 0, skipped: 0, cancelled: 0 };
for await (const line of createInterface({ input: runner.stdout })) {
  const summary = /^# (pass|fail|skipped|cancelled) (\d+)$/.exec(line);
  if (summary !== null) counts[summary[1]] = Number(summary[2]);
  // What failed or was left out, and its details; the rest only fills the screen.
  if (/^\s*not ok|# SKIP|^\s+(error|stack|code|expected|actual|location):|^\s{6,}at /.test(line)) console.log(line);
}
const failed = counts.fail + counts.cancelled;
console.log(`${counts.pass} passed, ${failed} failed, ${counts.skipped} skipped`);
process.exit(failed > 0 || counts.pass === 0 ? 1 : 0);
