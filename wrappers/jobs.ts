import { Address, beginCell, Cell } from '@ton/core';
import { accountOf, addressOf } from './addresses';
import { codeOf } from './code';
import { loadAuction, loadJobTerms, loadMarket, loadWork, storeAuction, storeJobTerms, storeMarket, storeWork } from './job_escrow';
import { bigIntToHash, hashToBigInt } from './payloads';

/** Whose providers may bid: those that `registry` numbered, with the code of this release. */
export type JobMarket = {
    registry: Address;
    /** Hash of the provider's code, 32 bytes, and its depth: `providerMarket(registry)` fills them in. */
    providerCodeHash: Buffer;
    providerCodeDepth: number;
};

/** What the input of a job is and what shall be done with it, as everybody may read it. */
export type JobSpecification = {
    /** What is done with each item. */
    task: number;
    /** Most tokens of all items together, by class, as the client counted them: what a bid is calculated from. */
    promptTokens: bigint;
    completionTokens: bigint;
    /** Bytes of the sealed input. */
    inputBytes: bigint;
    /** SHA-256 of the sealed instructions, 32 bytes. */
    instructionsHash: Buffer;
    /** Where the sealed input can be fetched, 1 to {@link MaxStoreUrl} bytes. */
    inputUrl: string;
};

/** What a client asks for; part of the escrow's address. */
export type JobAgreement = {
    client: Address;
    /** uint64; lets one client post several equal jobs. */
    salt: bigint;
    /** The only provider that may bid; null: every provider of the market (an auction). */
    provider: Address | null;
    /** Bit i set: TCB status i is accepted. */
    acceptedTcbStatuses: number;
    /** 32 bytes, or null for any. */
    measurement: Buffer | null;
    /** SHA-256 of the weights file, 32 bytes. */
    model: Buffer;
    /** Merkle root of the sealed items, 32 bytes. */
    inputRoot: Buffer;
    /** 1 to 10,000. */
    itemCount: number;
    /** Unix seconds: bids and the award count before this time; at most 30 days ahead. */
    awardDeadline: number;
    /** Seconds between the award and the end of the time for delivery, 60 to 2,592,000. */
    deliveryTime: number;
    /** The most that the client pays, nanoTON. */
    ceiling: bigint;
    /** nanoTON that a bid brings along; {@link leastBond} at least. */
    bond: bigint;
    /** nanoTON by which a bid must be below the best one; {@link leastBidStep} at least. */
    bidStep: bigint;
    market: JobMarket;
    specification: JobSpecification;
};

/** What is done with each item of a job. */
export const JobTask = { Chat: 1, Embeddings: 2 } as const;

/** Life of a JobEscrow. */
export const JobStatus = { New: 0, Bidding: 1, Awarded: 2 } as const;

/** How a job ended; 0: it has not. */
export const JobOutcome = { None: 0, Delivered: 1, Declined: 2, Failed: 3, NotTaken: 4, Cancelled: 5 } as const;

/** Why a worker declines. */
export const DeclineReason = { InputMissing: 1, InputUnreadable: 2, StoreRefused: 3 } as const;

/** Why a bond came back. */
export const BidReturnReason: Readonly<Record<number, string>> = {
    1: 'a better bid came',
    2: 'the client took the job back, or did not award it in time',
    3: 'the job was awarded already, its award deadline has passed, or it was posted anew',
    4: 'the bid is above the ceiling, or less than a step below the best bid',
    5: 'the value does not cover the bond and what a bid costs',
    6: "the provider's TCB status is not one that the client accepts",
    7: 'the provider runs another image than the client demands',
};

/** The most items of a job. */
export const MaxJobItems = 10_000;
/** The longest URL of an input, bytes: what fits in the cells that a job's reserve covers. */
export const MaxStoreUrl = 4 * 127;
/** The longest time to the award deadline, and bounds of the delivery time, seconds. */
export const MaxAwardTime = 2_592_000;
export const MinDeliveryTime = 60;
export const MaxDeliveryTime = 2_592_000;
/** Bytes of a sealed content key: encapsulated key 32, key 32, tag 16. */
export const SealedKeyBytes = 80;

/** @returns the least bond of a job, nanoTON: 0.05 coins and 5 % of the ceiling, rounded up. */
export function leastBond(ceiling: bigint): bigint {
    const share = (ceiling + 19n) / 20n;
    return share > 50_000_000n ? share : 50_000_000n;
}

/** @returns the least step between bids, nanoTON: 1 % of the ceiling, rounded up, and at least 1. */
export function leastBidStep(ceiling: bigint): bigint {
    return ceiling === 0n ? 1n : (ceiling + 99n) / 100n;
}

/** @returns the market of a registry: its providers with the code of this release. */
export async function providerMarket(registry: Address): Promise<JobMarket> {
    const code = await codeOf('Provider');
    return { registry, providerCodeHash: code.hash(), providerCodeDepth: code.depth() };
}

/**
 * @returns the JobTerms cell.
 * @throws RangeError when a number does not fit its field or the URL is too long.
 */
export function packJobTerms(job: JobAgreement): Cell {
    if (!(Number.isInteger(job.itemCount) && job.itemCount >= 1 && job.itemCount <= MaxJobItems)) {
        throw new RangeError(`A job has 1 to ${MaxJobItems} items, this one has ${job.itemCount}: split it.`);
    }
    const { specification, market } = job;
    const work = beginCell().store(
        storeWork({
            $$type: 'Work',
            client: accountOf(job.client),
            salt: job.salt,
            model: hashToBigInt(job.model),
            inputRoot: hashToBigInt(job.inputRoot),
            itemCount: BigInt(job.itemCount),
            specification: packSpecification(specification),
        }),
    );
    const auction = beginCell().store(
        storeAuction({
            $$type: 'Auction',
            provider: job.provider === null ? 0n : accountOf(job.provider),
            awardDeadline: BigInt(job.awardDeadline),
            ceiling: job.ceiling,
            bidStep: job.bidStep,
            deliveryTime: BigInt(job.deliveryTime),
            market: beginCell()
                .store(
                    storeMarket({
                        $$type: 'Market',
                        registry: accountOf(market.registry),
                        providerCodeHash: hashToBigInt(market.providerCodeHash),
                        providerCodeDepth: BigInt(market.providerCodeDepth),
                    }),
                )
                .endCell(),
        }),
    );
    return beginCell()
        .store(
            storeJobTerms({
                $$type: 'JobTerms',
                bond: job.bond,
                acceptedTcbStatuses: BigInt(job.acceptedTcbStatuses),
                measurement: job.measurement === null ? 0n : hashToBigInt(job.measurement),
                work: work.endCell(),
                auction: auction.asSlice(),
            }),
        )
        .endCell();
}

/** @returns what {@link packJobTerms} packed. @throws when the cell is shorter than terms: anyone can deploy anything. */
export function unpackJobTerms(cell: Cell): JobAgreement {
    const terms = loadJobTerms(cell.beginParse());
    const auction = loadAuction(terms.auction);
    const market = loadMarket(auction.market.beginParse());
    const work = loadWork(terms.work.beginParse());
    return {
        client: addressOf(work.client),
        salt: work.salt,
        provider: auction.provider === 0n ? null : addressOf(auction.provider),
        acceptedTcbStatuses: Number(terms.acceptedTcbStatuses),
        measurement: terms.measurement === 0n ? null : bigIntToHash(terms.measurement),
        model: bigIntToHash(work.model),
        inputRoot: bigIntToHash(work.inputRoot),
        itemCount: Number(work.itemCount),
        awardDeadline: Number(auction.awardDeadline),
        deliveryTime: Number(auction.deliveryTime),
        ceiling: auction.ceiling,
        bond: terms.bond,
        bidStep: auction.bidStep,
        market: {
            registry: addressOf(market.registry),
            providerCodeHash: bigIntToHash(market.providerCodeHash),
            providerCodeDepth: Number(market.providerCodeDepth),
        },
        specification: unpackSpecification(work.specification),
    };
}

/** @returns `task:uint8 prompt_tokens:uint48 completion_tokens:uint48 input_bytes:uint48 instructions_hash:bits256 input_url:^Text`. */
function packSpecification(specification: JobSpecification): Cell {
    return beginCell()
        .storeUint(specification.task, 8)
        .storeUint(specification.promptTokens, 48)
        .storeUint(specification.completionTokens, 48)
        .storeUint(specification.inputBytes, 48)
        .storeBuffer(specification.instructionsHash, 32)
        .storeRef(packUrl(specification.inputUrl))
        .endCell();
}

function unpackSpecification(cell: Cell): JobSpecification {
    const fields = cell.beginParse();
    return {
        task: fields.loadUint(8),
        promptTokens: fields.loadUintBig(48),
        completionTokens: fields.loadUintBig(48),
        inputBytes: fields.loadUintBig(48),
        instructionsHash: fields.loadBuffer(32),
        inputUrl: fields.loadRef().beginParse().loadStringTail(),
    };
}

function packUrl(url: string): Cell {
    const bytes = Buffer.byteLength(url, 'utf8');
    if (bytes < 1 || bytes > MaxStoreUrl) {
        throw new RangeError(`The URL of a job's input has 1 to ${MaxStoreUrl} bytes, this one has ${bytes}.`);
    }
    return beginCell().storeStringTail(url).endCell();
}
