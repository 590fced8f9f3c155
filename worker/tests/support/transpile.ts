import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

const repository = join(__dirname, '..', '..', '..');

/** Packages of the repository that child processes need: their sources, so that no stale build is tested. */
const packages: Readonly<Record<string, string>> = {
    contracts: 'wrappers/index',
    protocol: 'protocol/src/index',
    storage: 'storage/src/index',
    client: 'client/src/index',
};

/** The worker, and what it is made of. */
const sources = ['wrappers', 'build', 'protocol/src', 'storage/src', 'client/src', 'worker/src', 'worker/tests/support/ledger-writer.ts'];

/**
 * Compiles the worker and the packages below it once, so that a test can start many processes in no time.
 * @returns a new folder with the layout of the repository; the caller removes it.
 */
export function transpile(): string {
    // Below node_modules, so that packages are found from here, and neither git nor jest look at it.
    const cache = join(repository, 'worker', 'node_modules');
    mkdirSync(cache, { recursive: true });
    const target = mkdtempSync(join(cache, '.test-build-'));
    for (const file of sources.flatMap((source) => filesOf(join(repository, source)))) {
        const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
            fileName: 'module.ts',
            compilerOptions: { module: ts.ModuleKind.Node16, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
        });
        write(join(target, relative(repository, file).replace(/\.ts$/, '.js')), outputText);
    }
    for (const [name, entry] of Object.entries(packages)) {
        const folder = join(target, 'node_modules', '@ton-compute', name);
        write(join(folder, 'package.json'), JSON.stringify({ name: `@ton-compute/${name}`, main: './index.js' }));
        write(join(folder, 'index.js'), `module.exports = require(${JSON.stringify(join(target, entry))});`);
    }
    return target;
}

function write(path: string, text: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}

function filesOf(path: string): string[] {
    if (statSync(path).isDirectory()) {
        return readdirSync(path).flatMap((name) => filesOf(join(path, name)));
    }
    // Of the generated files only the contracts' own bindings are used.
    const generated = /build\/(\w+)\/(\w+)\.ts$/.exec(path);
    const wanted = generated === null ? !path.includes('/build/') : generated[2] === `${generated[1]}_${generated[1]}`;
    return wanted && /(?<!\.d)\.[jt]s$/.test(path) ? [path] : [];
}
