import { Address } from '@ton/core';
import { z } from 'zod';

import { parseStorePrefix } from '../jobs/locations';
import { address, field, tonAmount } from './fields';
import { ModelConfig, ModelConfigInput, modelFields, upstreamFields } from './models';

const count = (least: number, most: number) => z.int().min(least).max(most);
const seconds = (least: number, most: number) => z.number().min(least).max(most);

const provider = z.union([z.string(), z.int()]).transform((value, context): Address | bigint => {
    const text = String(value);
    if (/^\d{1,18}$/.test(text)) {
        return BigInt(text);
    }
    const parsed = address.safeParse(text);
    if (parsed.success) {
        return parsed.data;
    }
    context.addIssue({ code: 'custom', message: 'neither address nor number' });
    return z.NEVER;
});

const gpu = z.preprocess(
    (value) => (value === 'false' || value === 'off' ? false : value),
    z.union([z.enum(['auto', 'cuda', 'vulkan', 'metal']), z.literal(false)]),
);

/** On the command line and in the environment a list is one text. */
const stores = z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((each) => each.trim()).filter((each) => each !== '') : value),
    z.array(z.string().refine((text) => parseStorePrefix(text) !== null)).max(64),
);

/** Every field of the configuration, in the order of the README. Names become flags and variables: see `load.ts`. */
export const sections = {
    network: z.strictObject({
        endpoint: field(z.url({ protocol: /^https?$/ }), {
            kind: 'text',
            expected: 'the URL of a toncenter v2 API',
            example: 'https://testnet.toncenter.com/api/v2/jsonRPC',
            meaning: 'Where the chain is read and batches are sent.',
        }),
        apiKey: field(z.string().min(1).nullable().default(null), {
            kind: 'text',
            expected: 'the API key of the endpoint',
            example: 'from @toncenter on Telegram',
            meaning: 'Key of that API. Better in the environment than in a file.',
            secret: true,
        }),
        requestsPerSecond: field(z.number().min(0.1).max(1000).default(10), {
            kind: 'number',
            expected: 'a number from 0.1 to 1000',
            example: 10,
            meaning: 'Most calls to the API in a second. Public toncenter allows 1 without a key.',
        }),
        timeoutSeconds: field(seconds(1, 120).default(15), {
            kind: 'number',
            expected: 'seconds, from 1 to 120',
            example: 15,
            meaning: 'Deadline of one call.',
        }),
        pollSeconds: field(seconds(0.2, 60).default(5), {
            kind: 'number',
            expected: 'seconds, from 0.2 to 60',
            example: 5,
            meaning: 'How often a session in use is read again.',
        }),
    }),
    provider: z.strictObject({
        id: field(provider, {
            kind: 'text',
            expected: "the provider's address, or its number in the registry",
            example: 'EQ...',
            meaning: 'Which provider this worker is.',
        }),
        registry: field(address.nullable().default(null), {
            kind: 'text',
            expected: "the registry's address in the basechain",
            example: 'EQ...',
            meaning: 'Registry of the network; needed when the provider is given by number, else checked if given.',
        }),
        publicEndpoint: field(
            z
                .url({ protocol: /^https?$/ })
                .nullable()
                .default(null),
            {
                kind: 'text',
                expected: 'a URL',
                example: 'https://gpu1.example.org',
                meaning:
                    "URL under which clients reach this worker; the chain must show the same. Default: the chain's.",
            },
        ),
        tier: field(z.enum(['open', 'tdx']).default('open'), {
            kind: 'text',
            expected: "'open' or 'tdx'",
            example: 'open',
            meaning: "'open': no enclave, no promise of privacy. 'tdx': attested, as the section attestation says.",
        }),
        plain: field(z.boolean().default(false), {
            kind: 'switch',
            expected: 'true or false',
            example: false,
            meaning: 'Whether unsealed requests are served too.',
        }),
    }),
    listen: z.strictObject({
        host: field(z.string().min(1).default('0.0.0.0'), {
            kind: 'text',
            expected: 'a host name or an IP address',
            example: '127.0.0.1',
            meaning: 'Address to listen on.',
        }),
        port: field(count(0, 65_535).default(8080), {
            kind: 'number',
            expected: 'a port from 0 to 65535',
            example: 8080,
            meaning: 'Port to listen on; 0 takes any free one.',
        }),
    }),
    model: z.strictObject(modelFields),
    upstream: z.strictObject(upstreamFields),
    gpu: z.strictObject({
        backend: field(gpu.default('auto'), {
            kind: 'text',
            expected: "'auto', 'cuda', 'vulkan', 'metal' or false",
            example: 'auto',
            meaning: 'What the model runs on; false: the CPU.',
        }),
        required: field(z.boolean().default(false), {
            kind: 'switch',
            expected: 'true or false',
            example: true,
            meaning: 'Whether anything less than a proven GPU is an error.',
            aliases: ['REQUIRE_GPU'],
        }),
    }),
    data: z.strictObject({
        directory: field(z.string().min(1).default('worker-data'), {
            kind: 'text',
            expected: 'a path',
            example: '/var/lib/ton-compute',
            meaning: 'Keys and ledger. Back it up: the ledger is money.',
        }),
        keys: field(z.string().min(1).nullable().default(null), {
            kind: 'text',
            expected: 'a path',
            example: '/run/ton-compute',
            meaning: 'Keys alone; in a TDX guest a folder in memory. Default: the data directory.',
        }),
    }),
    attestation: z.strictObject({
        source: field(z.enum(['tdx', 'test']).default('tdx'), {
            kind: 'text',
            expected: "'tdx' or 'test'",
            example: 'tdx',
            meaning: "Where quotes come from: the TDX guest that the worker runs in, or a test authority.",
        }),
        allowTestRoot: field(z.boolean().default(false), {
            kind: 'switch',
            expected: 'true or false',
            example: false,
            meaning: "Whether a verifier with another root than Intel's will do. It proves nothing about hardware.",
        }),
        testSeed: field(z.string().min(1).default('test authority'), {
            kind: 'text',
            expected: 'a text',
            example: 'test authority',
            meaning: "Seed of the test authority's keys, for source 'test'; the verifier must trust its root.",
        }),
        gasWallet: field(z.string().min(1).nullable().default(null), {
            kind: 'text',
            expected: 'the path of a key file',
            example: '/var/lib/ton-compute/gas-wallet.json',
            meaning: 'Key of the wallet that pays for quotes; made if missing. Default: in the data directory.',
        }),
        renewBeforeSeconds: field(seconds(60, 172_800).default(86_400), {
            kind: 'number',
            expected: 'seconds, from 60 to 172800',
            example: 86400,
            meaning: 'Time before the end of the attestation at which it is renewed.',
        }),
        collateral: field(
            z
                .url({ protocol: /^https?$/ })
                .nullable()
                .default(null),
            {
                kind: 'text',
                expected: "the URL of Intel's PCS, or of a PCCS",
                example: 'https://api.trustedservices.intel.com',
                meaning: "Where the verifier's collateral is renewed from. Default: others do, and the worker warns.",
            },
        ),
        gpuEvidence: field(z.string().min(1).nullable().default(null), {
            kind: 'text',
            expected: 'the path of a file',
            example: '/run/gpu-evidence.bin',
            meaning: 'Evidence of the GPU, which quotes bind by its SHA-256. Default: none.',
        }),
    }),
    settlement: z.strictObject({
        claimAbove: field(tonAmount.default(1_000_000_000n), {
            kind: 'text',
            expected: 'an amount in TON as a text, up to 9 decimals',
            example: '1.5',
            meaning: 'Due amount of a session, in TON, from which on it is claimed at once.',
        }),
        maxAgeSeconds: field(seconds(1, 31_536_000).default(86_400), {
            kind: 'number',
            expected: 'seconds, from 1 to 31536000',
            example: 86400,
            meaning: 'Age after which smaller amounts are claimed too.',
        }),
        maxCostShare: field(z.number().min(0.0001).max(1).default(0.05), {
            kind: 'number',
            expected: 'a share from 0.0001 to 1',
            example: 0.05,
            meaning: 'Most of a claim that fees may eat. A session that is closing is claimed for any gain.',
        }),
        closeMarginSeconds: field(seconds(30, 800).default(300), {
            kind: 'number',
            expected: 'seconds, from 30 to 800',
            example: 300,
            meaning: 'Time before the possible end of a close window in which nothing is served on old knowledge.',
        }),
        intervalSeconds: field(seconds(0.2, 3600).default(30), {
            kind: 'number',
            expected: 'seconds, from 0.2 to 3600',
            example: 30,
            meaning: 'How often it is looked whether something should be claimed.',
        }),
        resendSeconds: field(seconds(1, 120).default(15), {
            kind: 'number',
            expected: 'seconds, from 1 to 120',
            example: 15,
            meaning: 'Time after which a batch that has not arrived is sent again.',
        }),
        distributeAbove: field(tonAmount.nullable().default(null), {
            kind: 'text',
            expected: 'an amount in TON as a text, up to 9 decimals',
            example: '10',
            meaning:
                'Earnings, in TON, from which on a batch also splits them. Default: never; anyone may send Distribute.',
        }),
    }),
    jobs: z.strictObject({
        stores: field(stores.default([]), {
            kind: 'text',
            expected:
                'a list of URLs such as file:///srv/jobs/ or https://host/path/ (http:// for this machine only), without ' +
                "credentials, '..', query or escaped slashes",
            example: ['https://jobs.s3.eu-central-1.amazonaws.com/'],
            meaning: 'Stores that inputs of jobs are read from and outputs written to, with all that is below; none: no jobs.',
        }),
        parallel: field(count(1, 1024).default(2), {
            kind: 'number',
            expected: 'a number from 1 to 1024',
            example: 2,
            meaning: 'Most items of jobs at the same time; the last slot is never taken.',
        }),
        bondLimit: field(tonAmount.default(5_000_000_000n), {
            kind: 'text',
            expected: 'an amount in TON as a text, up to 9 decimals',
            example: '5',
            meaning: 'Most bonds, in TON, that are out at the same time.',
        }),
        leastPriceShare: field(z.number().min(0.01).max(1).default(0.8), {
            kind: 'number',
            expected: 'a share from 0.01 to 1',
            example: 0.8,
            meaning: 'Share of the own price below which a job is left to others.',
        }),
        startSpeed: field(z.number().min(0.01).max(1_000_000).default(10), {
            kind: 'number',
            expected: 'tokens in a second, from 0.01 to 1000000',
            example: 10,
            meaning: 'Speed of one slot that is counted on until it was measured.',
        }),
        speedShare: field(z.number().min(0.01).max(1).default(0.5), {
            kind: 'number',
            expected: 'a share from 0.01 to 1',
            example: 0.5,
            meaning: 'Share of the measured speed that a promised delivery may need.',
        }),
        inputBytes: field(count(1024, 1_073_741_824).default(67_108_864), {
            kind: 'number',
            expected: 'bytes, from 1024 to 1073741824',
            example: 67108864,
            meaning: 'Largest input of a job.',
        }),
        items: field(count(1, 10_000).default(10_000), {
            kind: 'number',
            expected: 'a number from 1 to 10000',
            example: 10000,
            meaning: 'Most items of a job.',
        }),
        bidMarginSeconds: field(seconds(1, 86_400).default(60), {
            kind: 'number',
            expected: 'seconds, from 1 to 86400',
            example: 60,
            meaning: 'Least time to the award deadline for a bid to be sent.',
        }),
        longestAwardSeconds: field(seconds(60, 2_592_000).default(86_400), {
            kind: 'number',
            expected: 'seconds, from 60 to 2592000',
            example: 86400,
            meaning: 'Most time to the award deadline: so long can a client tie up a bond for nothing.',
        }),
        storeTimeoutSeconds: field(seconds(1, 3600).default(120), {
            kind: 'number',
            expected: 'seconds, from 1 to 3600',
            example: 120,
            meaning: 'Deadline of one transfer from or to a store.',
        }),
        pollSeconds: field(seconds(0.2, 3600).default(15), {
            kind: 'number',
            expected: 'seconds, from 0.2 to 3600',
            example: 15,
            meaning: 'How often the list of jobs, and each job that is followed, is read.',
        }),
        lookBack: field(count(1, 10_000).default(100), {
            kind: 'number',
            expected: 'a number from 1 to 10000',
            example: 100,
            meaning: 'Newest entries of the list that are looked at after a start.',
        }),
    }),
    limits: z.strictObject({
        queue: field(count(0, 100_000).default(16), {
            kind: 'number',
            expected: 'a number from 0 to 100000',
            example: 16,
            meaning: 'Requests that may wait for a slot; further ones get 429.',
        }),
        bodyBytes: field(count(1024, 268_435_456).default(4_194_304), {
            kind: 'number',
            expected: 'bytes, from 1024 to 268435456',
            example: 4194304,
            meaning: 'Largest request body.',
        }),
        maxTokensDefault: field(count(1, 10_000_000).default(1024), {
            kind: 'number',
            expected: 'tokens, at least 1',
            example: 1024,
            meaning: 'Longest answer when the client does not say.',
        }),
        maxTokensCap: field(count(1, 10_000_000).default(16_384), {
            kind: 'number',
            expected: 'tokens, at least 1',
            example: 16384,
            meaning: 'Longest answer whatever the client says.',
        }),
        idleSeconds: field(seconds(1, 3600).default(60), {
            kind: 'number',
            expected: 'seconds, from 1 to 3600',
            example: 60,
            meaning: 'Longest silence of the engine, and of a client that does not read.',
        }),
        totalSeconds: field(seconds(1, 86_400).default(600), {
            kind: 'number',
            expected: 'seconds, from 1 to 86400',
            example: 600,
            meaning: 'Longest time for one answer.',
        }),
        voucherWaitSeconds: field(seconds(0.1, 60).default(10), {
            kind: 'number',
            expected: 'seconds, from 0.1 to 60',
            example: 10,
            meaning: 'How long a higher voucher is waited for in mid-answer; at most 2 while others wait for a place.',
        }),
        drainSeconds: field(seconds(0, 3600).default(30), {
            kind: 'number',
            expected: 'seconds, from 0 to 3600',
            example: 30,
            meaning: 'How long running answers, and after them the last settlement, may take after a signal to stop.',
        }),
    }),
    log: z.strictObject({
        level: field(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'), {
            kind: 'text',
            expected: "'fatal', 'error', 'warn', 'info', 'debug', 'trace' or 'silent'",
            example: 'info',
            meaning: 'Least importance of what is logged.',
        }),
        format: field(z.enum(['json', 'pretty']).default('json'), {
            kind: 'text',
            expected: "'json' or 'pretty'",
            example: 'pretty',
            meaning: 'Form of the log on stderr.',
        }),
    }),
};

export const Schema = z.strictObject(sections);

/** A complete configuration: amounts in nanoTON, times in seconds. */
export type WorkerConfig = z.output<typeof Schema> & {
    /** What is served: the list of the file, or the one of the sections `model` and `upstream`. Never empty. */
    models: readonly ModelConfig[];
};

type SchemaInput = z.input<typeof Schema>;

/** A configuration as it is written: whatever has a default may be left out, sections too. */
export type WorkerConfigInput = { [S in keyof SchemaInput]?: Partial<SchemaInput[S]> } & {
    /** Several models, instead of the sections `model` and `upstream`. */
    models?: readonly ModelConfigInput[];
};
