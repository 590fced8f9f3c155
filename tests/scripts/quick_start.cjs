const Module = require('node:module');
const { readFileSync } = require('node:fs');
const { process: transpile } = require('../support/jest/transform.cjs');

// Loaded before blueprint in the processes that run scripts (see blueprint.ts). The scripts and blueprint are as they are
// for everybody; what takes two thirds of the time of a start, and no script needs, is spared: the TypeScript compiler
// behind ts-node, where esbuild does the same, and the compilers of contracts.

/** Compilers that blueprint loads for its other commands. They are loaded when something of them is asked for. */
const Compilers = new Set(['@tact-lang/compiler', '@ton-community/func-js', '@ton/tolk-js']);

const load = Module._load;

function lazily(...args) {
    return new Proxy({}, {
        get: (_, name) => name === '__esModule' || load.apply(Module, args)[name],
        has: (_, name) => name in load.apply(Module, args),
    });
}

Module._load = function (request, ...rest) {
    if (request === 'ts-node/register') {
        return require.extensions['.ts'] = compile;
    }
    return Compilers.has(request) ? lazily(request, ...rest) : load.call(this, request, ...rest);
};

function compile(module, filename) {
    module._compile(transpile(readFileSync(filename, 'utf8'), filename).code, filename);
}
