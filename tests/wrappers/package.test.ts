import { execFileSync } from 'node:child_process';
import {
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

// What an integrator gets: the root package, packed and unpacked into an empty project beside its two peers. Nothing is
// downloaded: the tarball is unpacked by hand, and the peers are links to those of this repository.

const root = join(__dirname, '../..');
const name = '@ton-compute/contracts';
const MaxBytes = 2_000_000;

jest.setTimeout(120_000);

let project: string;
let tarball: string;
let files: string[];

const run = (program: string, args: string[]): string =>
    execFileSync(program, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' });
const packed = (path: string): string => readFileSync(join(project, 'node_modules', name, path), 'utf8');

function link(dependency: string): void {
    const target = join(project, 'node_modules', dependency);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(root, 'node_modules', dependency), target);
}

beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'ton-compute-package-'));
    // The build is that of pretest; scripts are skipped so that packing is the same whether it is fresh or not.
    const arguments_ = ['pack', '--ignore-scripts', '--offline', '--silent', '--pack-destination', project];
    tarball = join(project, execFileSync('npm', arguments_, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim());
    files = run('tar', ['-tzf', tarball])
        .trim()
        .split('\n')
        .map((file) => file.replace(/^package\//, ''));

    const folder = join(project, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
    ['@ton/core', '@ton/crypto', '@types/node'].forEach(link);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }));
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the package', () => {
    it('holds contracts, wrappers, scheme and licence, and is small', () => {
        for (const file of [
            'dist/wrappers/index.js',
            'dist/wrappers/index.d.ts',
            'wrappers/messages.tlb',
            'LICENSE',
            'package.json',
            'contracts/session/session_escrow.tact',
            'dist/build/SessionEscrow/SessionEscrow_SessionEscrow.js',
        ]) {
            expect(files).toContain(file);
        }
        expect(statSync(tarball).size).toBeLessThan(MaxBytes);
    });

    it('holds no dependencies, no tests and nothing of the other packages', () => {
        const folders = new Set(files.map((file) => file.split('/')[0]));
        const allowed = ['LICENSE', 'README.md', 'contracts', 'dist', 'package.json', 'wrappers'];
        expect([...folders].filter((folder) => !allowed.includes(folder))).toEqual([]);
        expect(files.filter((file) => /node_modules|\.test\.|(^|\/)(tests|worker|client|devnet)\//.test(file))).toEqual(
            [],
        );
    });

    it('needs nothing but @ton/core and @ton/crypto, as peers', () => {
        const manifest = JSON.parse(packed('package.json')) as Record<string, Record<string, string> | undefined>;
        expect(Object.keys(manifest.peerDependencies ?? {}).sort()).toEqual(['@ton/core', '@ton/crypto']);
        expect(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })).toEqual([]);
        const imports = files
            .filter((file) => file.startsWith('dist/') && file.endsWith('.js'))
            .flatMap((file) => [...packed(file).matchAll(/require\("([^".][^"]*)"\)/g)].map(([, module]) => module));
        expect([...new Set(imports)].sort()).toEqual(['@ton/core', '@ton/crypto']);
    });

    it('has no `any` in the signatures of its own modules', () => {
        const own = readdirSync(join(project, 'node_modules', name, 'dist/wrappers')).filter((file) =>
            file.endsWith('.d.ts'),
        );
        for (const file of own) {
            expect([file, packed(`dist/wrappers/${file}`).match(/[:<|] ?any\b/g)]).toEqual([file, null]);
        }
    });
});

const use = `
    const prices = PricesSince2026;
    if (describeExitCode(1103).indexOf('NothingDue') < 0) throw new Error('errors');
    const one = { prompt: 1n, cached: 0n, completion: 0n, reasoning: 0n };
    if (amountOf(one, one) !== 1n) throw new Error('prices');
    if (SessionEscrow.SessionEscrow.opcodes.OpenSession !== 0x5e550002) throw new Error('bindings');
    if (openSessionValue(prices, 0n) <= 0n || minimumValues(prices).claimVoucher <= 0n) throw new Error('values');
    codeHashOf('SessionEscrow').then((hash) => console.log(hash.toString('hex')));
`;
const names =
    '{ amountOf, codeHashOf, describeExitCode, minimumValues, openSessionValue, PricesSince2026, SessionEscrow }';
const golden = (
    JSON.parse(readFileSync(join(root, 'tests/vectors/code_hashes.json'), 'utf8')) as { SessionEscrow: string }
).SessionEscrow;

describe('a consumer', () => {
    it('requires it from CommonJS', () => {
        writeFileSync(join(project, 'consumer.cjs'), `const ${names} = require('${name}');\n${use}`);
        expect(run(process.execPath, ['consumer.cjs']).trim()).toBe(golden);
    });

    it('imports it from an ES module', () => {
        writeFileSync(join(project, 'consumer.mjs'), `import ${names} from '${name}';\n${use}`);
        expect(run(process.execPath, ['consumer.mjs']).trim()).toBe(golden);
    });

    it.each([
        ['node16', 'node16', []], // with the package's own declarations
        ['bundler', 'esnext', ['--skipLibCheck']],
    ])('type-checks against it with moduleResolution %s', (moduleResolution, module, more) => {
        const source = `
            import { Address } from '@ton/core';
            import { ErrorEntry, errorByCode, ChainPrices, openSessionValue } from '${name}';
            import { OfferTerms, packOffer, SessionEscrow } from '${name}';
            const offer: OfferTerms = {
                model: Buffer.alloc(32), maxCreditWindow: 1n, minDeposit: 1n,
                prices: { prompt: 1n, cached: 1n, completion: 1n, reasoning: 1n },
            };
            export const id: string = packOffer(offer).hash().toString('hex');
            export const entry: ErrorEntry | undefined = errorByCode(9);
            const { SessionEscrow: Escrow } = SessionEscrow;
            export const escrow: SessionEscrow.SessionEscrow = Escrow.fromAddress(Address.parse('0:' + id));
            export const value = (prices: ChainPrices): bigint => openSessionValue(prices, 1n);
            // @ts-expect-error amounts are bigint
            packOffer({ ...offer, minDeposit: 1 });
        `;
        writeFileSync(join(project, 'consumer.ts'), source);
        const options = [
            '--noEmit',
            '--strict',
            '--target',
            'es2022',
            '--module',
            module,
            '--moduleResolution',
            moduleResolution,
            '--types',
            'node',
            ...more,
        ];
        expect(run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options, 'consumer.ts'])).toBe(
            '',
        );
    });
});
