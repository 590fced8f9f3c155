import { parseArgs } from 'node:util';
import { writeBaseline } from './baseline';
import { makeReport } from './report';
import { render } from './table';

const Usage = `Measures gas, fees and rent of every operation on the sandbox, at the prices before and since 2026-04-29.

npm run bench:gas                        a table beside targets and Cocoon's figures
npm run -s bench:gas -- --json           one JSON object, amounts in nanoTON
npm run bench:gas -- --update-baseline   also accepts the figures for tests/gas.test.ts
`;

async function main(): Promise<void> {
    const options = {
        json: { type: 'boolean' },
        'update-baseline': { type: 'boolean' },
        help: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ options });
    if (values.help === true) {
        console.log(Usage);
        return;
    }
    const report = await makeReport();
    console.log(values.json === true ? JSON.stringify(report) : render(report));
    if (values['update-baseline'] === true) {
        writeBaseline(report);
        console.error('Written: bench/baseline.json');
    }
}

main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
});
