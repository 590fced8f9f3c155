// Compiles the contracts with Blueprint, unless nothing has changed since the last time.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';

const root = new URL('..', import.meta.url).pathname;
const stampFile = join(root, 'build', '.sources');

function sources(folder) {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.tact'))
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort();
}

const hash = createHash('sha256');
for (const file of [...sources(join(root, 'contracts')), join(root, 'tact.config.json'), join(root, 'package-lock.json')]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
}
const stamp = hash.digest('hex');

if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) {
    process.exit(0);
}
console.error('Compiling the contracts (about ten seconds) ...');
const result = spawnSync(process.execPath, [join(root, 'node_modules/@ton/blueprint/dist/cli/cli.js'), 'build', '--all'], {
    cwd: root,
    encoding: 'utf8',
});
if (result.status !== 0) {
    process.stdout.write(result.stdout);
    process.stderr.write(result.stderr);
    process.exit(result.status ?? 1);
}
writeFileSync(stampFile, stamp);
