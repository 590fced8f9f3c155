import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { describeReport } from './report';
import { soak } from './soak';

const Usage = `Kills a real worker process (SIGKILL) at random moments while clients ask and pay, starts it again, and checks
that nothing which it had acknowledged is lost or contradicted. Everything runs on this machine, with a local chain.

npm run -s soak:kills -- [--kills 1000] [--seed N] [--sessions 4] [--parallel 2]

Exit code 0 when nothing was lost, 1 otherwise. The same seed chooses the same moments; what the worker is doing then
depends on the machine.
`;

const Cli = join(__dirname, '..', '..', 'worker', 'dist', 'cli.js');
/** Rounds between two lines about how far it is. */
const TellEvery = 25;

async function main(): Promise<number> {
    const { values } = parseArgs({
        options: {
            kills: { type: 'string', default: '1000' },
            seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
            sessions: { type: 'string', default: '4' },
            parallel: { type: 'string', default: '2' },
            help: { type: 'boolean', default: false },
        },
    });
    if (values.help || !existsSync(Cli)) {
        console.log(values.help ? Usage : 'The worker is not built. Run: npm run build:all');
        return values.help ? 0 : 2;
    }
    const [kills, seed, sessions, parallel] = [values.kills, values.seed, values.sessions, values.parallel].map(Number);
    if (![kills, seed, sessions, parallel].every((value) => Number.isSafeInteger(value) && value >= 1)) {
        console.log(`All values are whole numbers of at least 1.\n\n${Usage}`);
        return 2;
    }
    console.log(`seed ${seed}`);
    let told = 0;
    const report = await soak({
        ...{ kills, seed, sessions, parallel, cli: Cli },
        onRound: (done, faults) => {
            faults.slice(told).forEach((fault) => console.log(fault));
            told = faults.length;
            if (done % TellEvery === 0) {
                console.log(`${done} of ${kills} kills, ${faults.length} faults`);
            }
        },
    });
    process.stdout.write(describeReport(report));
    return report.faults.length === 0 ? 0 : 1;
}

void main().then(
    (code) => process.exit(code),
    (error: unknown) => {
        console.error(error);
        process.exit(1);
    },
);
