// Stands in for the sandbox's loader of its WebAssembly: the same loader, with a module that the test environment has
// compiled once for the process instead of once for every file.

type Loader = (options: object) => Promise<unknown>;
type Instantiated = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

const load = require('../../../node_modules/@ton/sandbox/dist/executor/emulator-emscripten.js') as Loader;
const { compileEmulator } = globalThis as unknown as { compileEmulator(): Promise<WebAssembly.Module> };

const loadShared: Loader = async (options) => {
    const module = await compileEmulator();
    return load({
        ...options,
        instantiateWasm: (imports: WebAssembly.Imports, instantiated: Instantiated) =>
            WebAssembly.instantiate(module, imports).then((instance) => instantiated(instance, module)),
    });
};

export = loadShared;
