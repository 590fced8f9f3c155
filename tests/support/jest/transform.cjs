const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { transformSync, version } = require('esbuild');

/**
 * What tsconfig.base.json asks for; types are checked by `tsc` before the tests (pretest). `import()` stays as it is: the
 * worker's engine is an ES module.
 */
const options = {
    loader: 'ts',
    format: 'cjs',
    platform: 'node',
    target: 'es2022',
    sourcemap: true,
    sourcesContent: false,
    tsconfigRaw: { compilerOptions: { target: 'ES2022', strict: true, useDefineForClassFields: true } },
};

const self = readFileSync(__filename);

/** TypeScript by esbuild: a process of jest starts without the compiler, and a file takes milliseconds. */
module.exports = {
    process(source, sourcefile) {
        return transformSync(source, { ...options, sourcefile });
    },
    getCacheKey(source, sourcefile, { instrument }) {
        return createHash('sha256').update(self).update(version).update(`${sourcefile}\0${instrument}\0`).update(source).digest('hex');
    },
};
