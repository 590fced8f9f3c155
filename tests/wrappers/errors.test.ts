import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeExitCode, ErrorModule, errorByCode, ErrorTable, Errors, SessionEscrow } from '../../wrappers';

const Contracts = join(__dirname, '../../contracts');

/** The constants of one errors.tact, as `module/name` -> code. */
function tactConstants(module: string): [string, number][] {
    const source = readFileSync(join(Contracts, module, 'errors.tact'), 'utf8');
    return [...source.matchAll(/^const Err(\w+): Int = (\d+);$/gm)].map(([, name, code]) => [
        `${module}/${name}`,
        Number(code),
    ]);
}

const modules = readdirSync(Contracts).filter((folder) => readdirSync(join(Contracts, folder)).includes('errors.tact'));
const own: ErrorModule[] = ['common', 'session', 'provider', 'settlement', 'registry', 'attestation', 'catalog', 'job', 'listing'];

describe('the error table', () => {
    it('has exactly the constants of contracts/*/errors.tact', () => {
        const table = ErrorTable.filter(({ module }) => !['tvm', 'tact'].includes(module));
        expect(Object.fromEntries(table.map(({ module, name, code }) => [`${module}/${name}`, code]))).toEqual(
            Object.fromEntries(modules.flatMap(tactConstants)),
        );
        expect([...modules].sort()).toEqual([...own].sort());
    });

    it('misses no error constant that a contract declares elsewhere', () => {
        for (const folder of readdirSync(Contracts)) {
            for (const file of readdirSync(join(Contracts, folder)).filter((name) => name !== 'errors.tact')) {
                expect(readFileSync(join(Contracts, folder, file), 'utf8')).not.toMatch(/^const Err\w+/m);
            }
        }
    });

    it('describes every error with the words of the contract', () => {
        for (const module of modules) {
            const source = readFileSync(join(Contracts, module, 'errors.tact'), 'utf8').replace(/\n\/\/\/ /g, '\n');
            for (const [, comment, name] of source.matchAll(/^(?:\/\/\/ )?([^\n]+)\nconst Err(\w+):/gm)) {
                const first = comment.split(/[:.;,]/)[0];
                expect(`${name}: ${ErrorTable.find((entry) => entry.name === name)?.meaning}`).toContain(first);
            }
        }
    });

    it('has every code that the generated bindings know', () => {
        for (const code of Object.values(SessionEscrow.SessionEscrow.errors)) {
            expect(errorByCode(code)).toBeDefined();
        }
    });

    it('is in ascending order, without duplicates, each entry with a meaning and a remedy', () => {
        const codes = ErrorTable.map(({ code }) => code);
        expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
        expect(new Set(ErrorTable.map(({ name }) => name)).size).toBe(codes.length);
        for (const { meaning, remedy } of ErrorTable) {
            expect(meaning).toMatch(/\.$/);
            expect(remedy).toMatch(/\.$/);
        }
    });

    it('is grouped by module: hundreds of codes never mix', () => {
        const hundred: Record<string, number> = {
            common: 10,
            session: 11,
            provider: 12,
            settlement: 13,
            registry: 14,
            attestation: 15,
            catalog: 16,
            job: 17,
            listing: 18,
        };
        for (const { module, code } of ErrorTable) {
            expect(hundred[module] ?? 0).toBe(code < 1000 ? 0 : Math.floor(code / 100));
        }
    });
});

describe('looking up an exit code', () => {
    it('goes by name and by number', () => {
        expect(Errors.NothingDue).toBe(1103);
        expect(errorByCode(1103)).toMatchObject({ name: 'NothingDue', module: 'session' });
        expect(errorByCode(4242)).toBeUndefined();
    });

    it('takes -14, which a transaction shows, for out of gas', () => {
        expect(errorByCode(-14)).toMatchObject({ name: 'OutOfGas', code: 13 });
    });

    it('gives a sentence with a remedy', () => {
        expect(describeExitCode(1001)).toBe(
            'Exit code 1001 (ValueTooLow, common): The message carries less value than the operation costs. ' +
                'Send more; minimumValues(prices) tells how much. What is not used comes back.',
        );
        expect(describeExitCode(0)).toBe('Exit code 0: success.');
        expect(describeExitCode(4242)).toContain('not of these contracts');
    });
});
