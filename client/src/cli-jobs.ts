import { Address } from '@ton/core';
import { ObjectStore, openStore } from '@ton-compute/storage';
import { Command, Option } from 'commander';
import { formatCoins } from './amounts';
import { address, ChainFlags, coins, wholeNumber, withChainFlags } from './cli-options';
import { readItems, ResultFile } from './cli-job-files';
import { Client } from './client';
import { ClientError } from './errors';
import { inStore } from './jobs/content';
import { JobOptions, JobTaskName } from './jobs/options';
import { JobResult } from './jobs/result';
import { JobStatusReport } from './jobs/status';

/** What the commands of jobs need of the command line. */
export type JobCommandHost = {
    print: (line: string) => void;
    withClient: (flags: ChainFlags, work: (client: Client, signal: AbortSignal) => Promise<void>) => Promise<void>;
};

type RunFlags = ChainFlags & {
    input: string;
    output: string;
    objectStore: string;
    ceiling: bigint;
    task: JobTaskName;
    system?: string;
    maxTokens?: number;
    temperature?: number;
    bond?: bigint;
    bidStep?: bigint;
    provider?: Address;
    awardSeconds?: number;
    deliverySeconds?: number;
    minimumWait?: number;
    unlisted?: boolean;
};

/** Adds `job run`, `list`, `show`, `resume`, `result`, `cancel` and `expire`. */
export function addJobCommands(root: Command, { print, withClient }: JobCommandHost): void {
    const group = root.command('job').description('many items at once, done later, for one price');

    withChainFlags(group.command('run').description('post a job, award it, wait for it, and write its results'))
        .addOption(new Option('--input <file>', 'an item on each line: JSON with prompt, messages or input, or text').makeOptionMandatory())
        .addOption(outputOption())
        .addOption(objectStoreOption().makeOptionMandatory())
        .addOption(new Option('--ceiling <ton>', 'the most that you pay; locked until the job ends').argParser(coins).makeOptionMandatory())
        .addOption(new Option('--task <task>').choices(['chat', 'embeddings']).default('chat'))
        .addOption(new Option('--system <text>', 'system message before each item'))
        .addOption(new Option('--max-tokens <number>', 'the longest answer; 1024').argParser(wholeNumber(1, 1_000_000)))
        .addOption(new Option('--temperature <number>').argParser(Number))
        .addOption(new Option('--bond <ton>', 'what a bidder puts up; 5 % of the ceiling').argParser(coins))
        .addOption(new Option('--bid-step <ton>', 'by how much a bid must be better; 1 % of the ceiling').argParser(coins))
        .addOption(new Option('--provider <address>', 'the only one that may bid; everyone').argParser(address))
        .addOption(new Option('--award-seconds <number>', 'until which bids and award count; 600').argParser(wholeNumber(60, 2_591_880)))
        .addOption(new Option('--delivery-seconds <number>', 'time for the work; 86400').argParser(wholeNumber(60, 2_592_000)))
        .addOption(new Option('--minimum-wait <seconds>', 'how long bids are collected').argParser(wholeNumber(0, 2_591_880)))
        .addOption(new Option('--unlisted', 'keep the job out of the public list, and save its fee'))
        .action((flags: RunFlags) =>
            withClient(flags, async (client, signal) => {
                const options = await jobOptions(flags, signal);
                await intoFile(flags.output, print, async () => {
                    const job = await client.jobs.create(options);
                    process.stderr.write(
                        `Posted ${job.address.toString()}. If this is interrupted: job resume ${job.address.toString()}\n`,
                    );
                    return client.jobs.finish(job, { onProgress: showProgress, signal });
                });
            }),
        );

    withChainFlags(group.command('list').description('list the jobs of the store')).action((flags: ChainFlags) =>
        withClient(flags, async (client) => {
            const jobs = await client.jobs.list();
            jobs.forEach(({ job, state, task, items, ceiling, createdAt }) => {
                print(
                    `${job.toString()}  ${state}  ${items} items of ${task}, ceiling ${formatCoins(ceiling)}, ` +
                        new Date(createdAt * 1000).toISOString(),
                );
            });
            if (jobs.length === 0) {
                print('No jobs.');
            }
        }),
    );

    const onJob = (name: string, description: string) =>
        withChainFlags(group.command(name).description(description)).argument('<job>', 'address', address);

    onJob('show', 'how far a job is, from the chain').action((job: Address, flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            statusLines(await (await client.jobs.resume(job)).status(signal)).forEach(print);
        }),
    );

    onJob('resume', 'go on with a job that was interrupted, and write its results')
        .addOption(outputOption())
        .addOption(objectStoreOption())
        .action((job: Address, flags: ChainFlags & { output: string; objectStore?: string }) =>
            withClient(flags, async (client, signal) => {
                const resumed = await client.jobs.resume(job, { store: await storeOf(flags.objectStore) });
                await intoFile(flags.output, print, () => client.jobs.finish(resumed, { onProgress: showProgress, signal }));
            }),
        );

    onJob('result', 'fetch the results of a job that was delivered')
        .addOption(outputOption())
        .addOption(objectStoreOption())
        .action((job: Address, flags: ChainFlags & { output: string; objectStore?: string }) =>
            withClient(flags, async (client, signal) => {
                const resumed = await client.jobs.resume(job, { store: await storeOf(flags.objectStore) });
                await intoFile(flags.output, print, () => resumed.result({ signal }));
            }),
        );

    onJob('cancel', 'take a job back before its award').action((job: Address, flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            process.stderr.write('Cancelling...\n');
            await (await client.jobs.resume(job)).cancel(signal);
            print('Cancelled: what was locked went to the wallet.');
        }),
    );

    onJob('expire', 'end a job whose deadline has passed').action((job: Address, flags: ChainFlags) =>
        withClient(flags, async (client, signal) => {
            process.stderr.write('Ending...\n');
            const resumed = await client.jobs.resume(job);
            await resumed.expire(signal);
            const { ending, bond } = await resumed.status(signal);
            print(
                ending?.outcome === 'failed'
                    ? `Ended: what was locked went to the wallet, and the provider's bond of ${formatCoins(bond)}.`
                    : ending?.outcome === 'not_taken'
                      ? 'Ended: what was locked went to the wallet.'
                      : `Ended meanwhile: ${ending?.outcome}.`,
            );
        }),
    );
}

function outputOption(): Option {
    return new Option('--output <file>', 'where the results go, one JSON on each line').makeOptionMandatory();
}

function objectStoreOption(): Option {
    return new Option('--object-store <url>', 'file:///folder or s3://bucket (with S3_ENDPOINT and the other variables)').env('JOB_STORE');
}

async function storeOf(url: string | undefined): Promise<ObjectStore | null> {
    return url === undefined ? null : inStore('open', async () => openStore(url));
}

async function jobOptions(flags: RunFlags, signal: AbortSignal): Promise<JobOptions> {
    if (flags.model === 'auto') {
        throw new ClientError('invalid_option', 'A job needs --model: the SHA-256 of the weights (`find` lists those on offer).');
    }
    const parameters = {
        ...(flags.maxTokens === undefined ? {} : { max_tokens: flags.maxTokens }),
        ...(flags.temperature === undefined ? {} : { temperature: flags.temperature }),
    };
    const { task, system, ceiling, bond, bidStep, provider, awardSeconds, deliverySeconds, minimumWait } = flags;
    const listed = flags.unlisted === true ? false : undefined;
    const items = await readItems(flags.input);
    const store = (await storeOf(flags.objectStore))!;
    return {
        model: flags.model, task, items, system, parameters, ceiling, bond, bidStep, provider, awardSeconds, deliverySeconds, minimumWait,
        store, listed, signal,
    };
}

/** Has the file ready before the work begins, and prints what it cost. */
async function intoFile(path: string, print: (line: string) => void, work: () => Promise<JobResult>): Promise<void> {
    const file = await ResultFile.begin(path);
    try {
        const result = await work();
        await file.finish(result.items);
        print(
            `${result.items.length} results in ${path}, ${result.failed} of them errors. Paid ${formatCoins(result.paid)} to ` +
                `${result.provider.toString()} for ${result.usage.promptTokens} prompt and ${result.usage.completionTokens} completion tokens.`,
        );
    } finally {
        await file.discard();
    }
}

function showProgress({ state, bid, secondsLeft }: JobStatusReport): void {
    const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
    const best = bid === null ? '' : `, ${state === 'bidding' ? 'best bid' : 'for'} ${formatCoins(bid.amount)} by ${bid.provider.toString()}`;
    process.stderr.write(`${state}${best}${left}\n`);
}

function statusLines(status: JobStatusReport): string[] {
    const at = (seconds: number) => new Date(seconds * 1000).toISOString();
    const { bid, ending, listing } = status;
    return [
        `job        ${status.job.toString()}`,
        `state      ${status.state}${status.secondsLeft === null ? '' : `, ${status.secondsLeft} s left`}`,
        `items      ${status.items}`,
        `ceiling    ${formatCoins(status.ceiling)}, bond ${formatCoins(status.bond)}`,
        `bid        ${bid === null ? 'none' : `${formatCoins(bid.amount)} by ${bid.provider.toString()}`}`,
        `award      until ${at(status.awardDeadline)}`,
        ...(status.deliveryDeadline === null ? [] : [`delivery   until ${at(status.deliveryDeadline)}`]),
        ...(listing === null ? [] : [`listing    ${listing.toString()}`]),
        ...(ending === null ? [] : [`ended      ${ending.time === null ? '' : at(ending.time)}, paid ${formatCoins(ending.paid)}`]),
    ];
}
