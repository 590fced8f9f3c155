#!/usr/bin/env node
/**
 * Bundles for browsers: `build-browser.mjs [ENTRY OUTPUT]`; without arguments the SDK itself, to dist/bundle/browser.js.
 * `--contents` also prints what the bundle consists of.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const [entry = join(root, 'client/src/browser.ts'), output = join(root, 'client/dist/bundle/browser.js')] = process.argv
    .slice(2)
    .filter((argument) => !argument.startsWith('--'));

/** What package.json's `browser` says of the built files, for the sources. */
const portablePrimitives = {
    name: 'portable-primitives',
    setup({ onResolve }) {
        onResolve({ filter: /\/node-crypto$/ }, () => ({ path: join(root, 'protocol/src/browser-crypto.ts') }));
    },
};

const { metafile } = await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    minify: true,
    sourcemap: true,
    metafile: true,
    format: 'esm',
    // Fails on everything that only Node has.
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
    absWorkingDir: root,
    // From sources: of built CommonJS files nothing can be left out.
    alias: {
        '@ton-compute/contracts': join(root, 'wrappers/index.ts'),
        '@ton-compute/protocol': join(root, 'protocol/src/index.ts'),
        '@ton-compute/storage': join(root, 'storage/src/browser.ts'),
    },
    plugins: [portablePrimitives],
});

const bytes = readFileSync(output);
const kilobytes = (size) => `${(size / 1000).toFixed(0)} kB`;
console.log(`${relative(root, output)}: ${kilobytes(bytes.length)}, gzip ${kilobytes(gzipSync(bytes).length)}`);

if (process.argv.includes('--contents')) {
    const sizes = new Map();
    const [{ inputs }] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const library = path.split('node_modules/').at(-1).split('/');
        const name = path.includes('node_modules/')
            ? library.slice(0, library[0].startsWith('@') ? 2 : 1).join('/')
            : path.split('/').slice(0, 2).join('/');
        sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
    for (const [name, size] of [...sizes].sort(([, a], [, b]) => b - a)) {
        console.log(`${kilobytes(size).padStart(8)}  ${name}`);
    }
}
