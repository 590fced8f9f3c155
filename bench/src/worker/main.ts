import { parseArgs } from 'node:util';
import Table from 'cli-table3';

import { prepareModel } from '../support/model';
import { measureEngine } from './engine';
import { measureFirstToken } from './first-token';
import { measureLife } from './restart';
import { Figure, figuresOf, flatten, WorkerReport } from './report';
import { measureUpstream } from './upstream';
import { measureVouchers } from './vouchers';

const Parts = ['vouchers', 'first-token', 'upstream', 'life', 'engine'] as const;
type Part = (typeof Parts)[number];

const Usage = `Measures what the worker adds to an inference engine: in turns, in one run, on this machine.

npm run bench:worker                          a table beside the targets
npm run -s bench:worker -- --json             one JSON object; keys ending in Ratio are held against 0.97
  --parts vouchers,first-token,upstream,life,engine      some of it; all when omitted
  --model FILE                                a GGUF of real size; random weights of 100 million parameters when omitted
  --streams 1,8,64    --rounds 5    --max-tokens 32    --requests 2000    --gpu
`;

async function main(): Promise<void> {
    const { values } = parseArgs({
        options: {
            json: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
            gpu: { type: 'boolean', default: false },
            parts: { type: 'string', default: Parts.join(',') },
            model: { type: 'string' },
            streams: { type: 'string', default: '1,8,64' },
            rounds: { type: 'string', default: '5' },
            'max-tokens': { type: 'string', default: '32' },
            requests: { type: 'string', default: '2000' },
        },
    });
    if (values.help) {
        console.log(Usage);
        return;
    }
    const parts = values.parts.split(',') as Part[];
    const unknown = parts.find((part) => !Parts.includes(part));
    if (unknown !== undefined) {
        throw new Error(`There is no part '${unknown}'. Parts: ${Parts.join(', ')}.`);
    }
    const streams = values.streams.split(',').map((text) => wholeNumber('--streams', text));
    const rounds = wholeNumber('--rounds', values.rounds);
    const progress = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
    const has = (part: Part) => parts.includes(part);

    const report: WorkerReport = { engine: null, firstToken: null, upstream: null, vouchers: null, life: null };
    // Vouchers first: a machine that has just worked hard is warm, and this one is about milliseconds.
    report.vouchers = has('vouchers') ? await measureVouchers(progress) : null;
    report.firstToken = has('first-token') ? await measureFirstToken(progress) : null;
    report.upstream = has('upstream') ? await measureUpstream({ streams, rounds }, progress) : null;
    report.life = has('life') ? await measureLife(wholeNumber('--requests', values.requests), progress) : null;
    if (has('engine')) {
        const model = await prepareModel(values.model, progress);
        const maxTokens = wholeNumber('--max-tokens', values['max-tokens']);
        const gpu = values.gpu ? 'auto' : 'false';
        report.engine = await measureEngine({ ...model, streams, rounds, maxTokens, gpu }, progress);
    }
    console.log(values.json ? JSON.stringify(flatten(report)) : tableOf(figuresOf(report)));
}

function tableOf(figures: readonly Figure[]): string {
    const table = new Table({ head: ['figure', 'measured', '', 'target', ''], style: { head: [], border: [] } });
    for (const { what, value, unit, target, met } of figures) {
        const digits = Math.abs(value) < 10 ? 3 : 0;
        table.push([what, value.toFixed(digits), unit, target, met === null ? '' : met ? 'met' : 'MISSED']);
    }
    return table.toString();
}

function wholeNumber(name: string, text: string): number {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) {
        throw new Error(`${name}: expected whole numbers of at least 1, got "${text}".`);
    }
    return value;
}

main().then(
    () => process.exit(0),
    (error: unknown) => {
        console.error(error instanceof Error ? error.message : error);
        process.exit(1);
    },
);
