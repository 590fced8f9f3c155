import { Address, Cell } from '@ton/core';
import { JobAgreement, unpackJobTerms } from '@ton-compute/contracts';
import * as z from 'zod';
import { JobEnding } from '../chain/job';
import { CheckedPolicy, checkPolicy } from '../policy';

/** What is kept of a job, so that a crash loses neither its key nor its place. */
export type JobRecord = {
    /** The JobEscrow. */
    job: Address;
    registry: Address;
    globalId: number;
    /** The JobTerms cell: escrow and terms prove each other. */
    terms: Cell;
    /** 32 bytes: whoever has it can read input and output. */
    contentKey: Buffer;
    task: 'chat' | 'embeddings';
    /** Name of the output in the store, and a URL by which it can be read while the job runs. */
    outputName: string;
    outputUrl: string;
    /** The most that is downloaded. */
    maxOutputBytes: number;
    /** Whether it is posted to the registry's public list. */
    listed: boolean;
    /** Seconds for which bids are collected. */
    minimumWait: number;
    policy: CheckedPolicy;
    /** 0 until the job was seen posted. */
    openedLt: bigint;
    /** The listing, once it was seen. */
    listing: Address | null;
    /** The bid that was awarded, or is about to be. */
    award: { provider: Address; amount: bigint } | null;
    ending: JobEnding | null;
    /** Unix seconds. */
    createdAt: number;
};

const decimal = z.string().regex(/^(0|[1-9][0-9]*)$/);
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const rawAddress = z.string().regex(/^0:[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();

const schema = z.object({
    version: z.literal(1),
    job: rawAddress,
    registry: rawAddress,
    globalId: z.number().int(),
    terms: z.string(),
    contentKey: hex32,
    task: z.enum(['chat', 'embeddings']),
    outputName: z.string(),
    outputUrl: z.string(),
    maxOutputBytes: count,
    listed: z.boolean(),
    minimumWait: count,
    policy: z.object({
        acceptedTcbStatuses: z.array(count),
        measurements: z.array(hex32).nullable(),
        catalogs: z.array(rawAddress),
        allowTestRoot: z.boolean(),
        leastScore: decimal,
    }),
    openedLt: decimal,
    listing: rawAddress.nullable(),
    award: z.object({ provider: rawAddress, amount: decimal }).nullable(),
    ending: z
        .object({
            outcome: z.enum(['delivered', 'declined', 'failed', 'not_taken', 'cancelled']),
            provider: rawAddress.nullable(),
            paid: decimal,
            outputRoot: hex32.nullable(),
            declineReason: count.nullable(),
            time: count.nullable(),
        })
        .nullable(),
    createdAt: count,
});

const raw = (address: Address | null) => address?.toRawString() ?? null;
const parsed = (text: string | null) => (text === null ? null : Address.parseRaw(text));

/** @returns the record as text for the store. */
export function jobRecordToText(record: JobRecord): string {
    const { policy, award, ending } = record;
    const json: z.infer<typeof schema> = {
        version: 1,
        job: record.job.toRawString(),
        registry: record.registry.toRawString(),
        globalId: record.globalId,
        terms: record.terms.toBoc().toString('base64'),
        contentKey: record.contentKey.toString('hex'),
        task: record.task,
        outputName: record.outputName,
        outputUrl: record.outputUrl,
        maxOutputBytes: record.maxOutputBytes,
        listed: record.listed,
        minimumWait: record.minimumWait,
        policy: {
            acceptedTcbStatuses: [...policy.acceptedTcbStatuses],
            measurements: policy.measurements === null ? null : [...policy.measurements],
            catalogs: policy.catalogs.map((catalog) => catalog.toRawString()),
            allowTestRoot: policy.allowTestRoot,
            leastScore: policy.leastScore.toString(),
        },
        openedLt: record.openedLt.toString(),
        listing: raw(record.listing),
        award: award === null ? null : { provider: award.provider.toRawString(), amount: award.amount.toString() },
        ending:
            ending === null
                ? null
                : {
                      ...ending,
                      provider: raw(ending.provider),
                      paid: ending.paid.toString(),
                      outputRoot: ending.outputRoot?.toString('hex') ?? null,
                  },
        createdAt: record.createdAt,
    };
    return JSON.stringify(json, null, 2) + '\n';
}

/** @throws an error naming the field when the text is no record. */
export function jobRecordFromText(text: string): JobRecord {
    const json = schema.parse(JSON.parse(text));
    const { award, ending } = json;
    return {
        job: Address.parseRaw(json.job),
        registry: Address.parseRaw(json.registry),
        globalId: json.globalId,
        terms: Cell.fromBase64(json.terms),
        contentKey: Buffer.from(json.contentKey, 'hex'),
        task: json.task,
        outputName: json.outputName,
        outputUrl: json.outputUrl,
        maxOutputBytes: json.maxOutputBytes,
        listed: json.listed,
        minimumWait: json.minimumWait,
        policy: checkPolicy({
            leastTier: 'tdx',
            acceptedTcbStatuses: json.policy.acceptedTcbStatuses,
            measurements: json.policy.measurements ?? undefined,
            catalogs: json.policy.catalogs.map((catalog) => Address.parseRaw(catalog)),
            allowTestRoot: json.policy.allowTestRoot,
            leastScore: BigInt(json.policy.leastScore),
        }),
        openedLt: BigInt(json.openedLt),
        listing: parsed(json.listing),
        award: award === null ? null : { provider: Address.parseRaw(award.provider), amount: BigInt(award.amount) },
        ending:
            ending === null
                ? null
                : {
                      ...ending,
                      provider: parsed(ending.provider),
                      paid: BigInt(ending.paid),
                      outputRoot: ending.outputRoot === null ? null : Buffer.from(ending.outputRoot, 'hex'),
                  },
        createdAt: json.createdAt,
    };
}

/** @returns the terms of a record. */
export function jobAgreementOf(record: JobRecord): JobAgreement {
    return unpackJobTerms(record.terms);
}
