import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigError } from '../src';
import { dumpSettings, forbidDumps } from '../src/dumps';

const clean = { execArgv: [], environment: {} };

let folder: string;
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'worker-dumps-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the kernel says of core dumps. */
function kernel(softLimit: string, pattern: string) {
    const files = { limits: join(folder, 'limits'), pattern: join(folder, 'pattern') };
    writeFileSync(files.limits, `Limit                     Soft Limit\nMax core file size        ${softLimit}        unlimited   bytes\n`);
    writeFileSync(files.pattern, `${pattern}\n`);
    return files;
}

const warned = async (...rest: [Parameters<typeof forbidDumps>[2]?, Parameters<typeof forbidDumps>[3]?]) => {
    const warnings: string[] = [];
    await forbidDumps('open', (message) => warnings.push(message), ...rest);
    return warnings;
};

describe('Settings of node that write memory down', () => {
    it.each([
        ['--report-on-fatalerror'],
        ['--report_uncaught_exception'],
        ['--heapsnapshot-signal=SIGUSR2'],
        ['--heapsnapshot-near-heap-limit=1'],
        ['--abort-on-uncaught-exception'],
        ['--inspect=0.0.0.0:9229'],
    ])('%s is found among the flags and in NODE_OPTIONS', (option) => {
        expect(dumpSettings({ execArgv: ['--no-warnings', option], environment: {} })).toEqual([option]);
        const environment = { NODE_OPTIONS: `--max-old-space-size=4096 ${option}` };
        expect(dumpSettings({ execArgv: [], environment })).toEqual([option]);
    });

    it('are refused in tier tdx by name, and warned of in tier open', async () => {
        const settings = { execArgv: ['--heap-prof'], environment: { NODE_DEBUG: 'http' } };
        const files = kernel('0', 'core');
        const refused = forbidDumps('tdx', () => undefined, settings, files);
        await expect(refused).rejects.toThrow(ConfigError);
        await expect(refused).rejects.toThrow(/^Node was told --heap-prof, NODE_DEBUG, by which prompts can get into a file/);
        expect(await warned(settings, files)).toEqual([expect.stringMatching(/^Node was told/)]);
    });

    it('are none when there are none', async () => {
        expect(dumpSettings({ execArgv: ['--no-warnings', '--enable-source-maps'], environment: { NODE_OPTIONS: '' } })).toEqual([]);
        await forbidDumps('tdx', () => undefined, clean, kernel('0', 'core'));
    });
});

describe('A core dump', () => {
    it.each([
        ['0', 'core', 0],
        ['1', 'core', 0],
        ['1', '|/usr/lib/systemd/systemd-coredump %P', 0],
        // What pipes a dump is not bound by the limit, except by 1.
        ['0', '|/usr/lib/systemd/systemd-coredump %P', 1],
        ['unlimited', 'core', 1],
    ])('with a limit of %s and the pattern %s: %d complaints', async (limit, pattern, complaints) => {
        // These files stay as they are, as where prlimit may not change anything.
        expect(await warned(clean, kernel(limit, pattern))).toHaveLength(complaints);
    });

    it('is refused by the process itself', async () => {
        expect(await warned(clean)).toEqual([]);
    });
});
