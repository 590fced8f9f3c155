const { TestEnvironment } = require('jest-environment-node');

/** The emulator of the sandbox, compiled once in a process: what V8 optimises of it serves all test files that follow. */
let emulator;

function compileEmulator() {
    emulator ??= WebAssembly.compile(
        Buffer.from(require('@ton/sandbox/dist/executor/emulator-emscripten.wasm.js').EmulatorEmscriptenWasm, 'base64'),
    );
    return emulator;
}

/** Jest's own environment, with the compiled emulator for tests/support/stand_ins/emulator.ts. */
module.exports = class extends TestEnvironment {
    constructor(...args) {
        super(...args);
        this.global.compileEmulator = compileEmulator;
    }
};
