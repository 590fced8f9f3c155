import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { Report } from '../../tools/kill-worker/report';
import { soak } from '../../tools/kill-worker/soak';
import { transpile } from './support/transpile';

/** `npm run soak:kills -- --kills 1000` for the figure of the design. */
const Kills = 6;

describe(`A worker process that is killed ${Kills} times at any moment`, () => {
    let report: Report;
    let build: string;

    beforeAll(async () => {
        build = transpile();
        const seed = Date.now() % 2 ** 31;
        report = await soak({ kills: Kills, seed, sessions: 2, parallel: 2, cli: join(build, 'worker', 'src', 'cli.js') });
    }, 300_000);
    afterAll(() => rmSync(build, { recursive: true }));

    it('loses nothing that it acknowledged, contradicts nothing, and its books balance to the nanoTON', () => {
        expect(report.faults).toEqual([]);
    });

    it('was hit at work, and came back each time', () => {
        expect([...report.phases.values()].reduce((sum, count) => sum + count, 0)).toBe(Kills);
        expect(report.acknowledged).toBeGreaterThan(0n);
        expect(report.starts.length).toBeGreaterThan(0);
    });
});
