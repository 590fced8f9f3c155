import { Address } from '@ton/core';
import { leastBidStep, leastBond, MaxAwardTime, MaxDeliveryTime, MaxJobItems, MinDeliveryTime } from '@ton-compute/contracts';
import { JobItem } from '@ton-compute/protocol';
import { ObjectStore } from '@ton-compute/storage';
import { formatCoins } from '../amounts';
import { ClientError } from '../errors';
import { CheckedPolicy, checkPolicy, Policy } from '../policy';
import { JobStatusReport } from './status';

export type JobTaskName = 'chat' | 'embeddings';

/** What to have done. Amounts in nanoTON, times in seconds. */
export type JobOptions = {
    /** SHA-256 of the weights file, 64 hexadecimal digits. */
    model: string;
    task: JobTaskName;
    /** 1 to 10,000. A text is a prompt (chat), or an input (embeddings). */
    items: readonly (string | JobItem)[];
    /** Chat: a system message before each item; none when omitted. */
    system?: string;
    /** Chat: sampling, as in a chat completion. `max_tokens` limits each answer; 1,024 when omitted. */
    parameters?: Record<string, unknown> & { max_tokens?: number };
    /** The most that you pay. It is locked until the job ends. */
    ceiling: bigint;
    /** What a bidder puts up, and you get if it does not deliver; 5 % of the ceiling, at least 0.05, when omitted. */
    bond?: bigint;
    /** By how much a bid must be below the best one; 1 % of the ceiling when omitted. */
    bidStep?: bigint;
    /** The only provider that may bid (a direct job); every provider of the registry when omitted (an auction). */
    provider?: Address;
    /** Until which bids and your award count; 600 when omitted, 60 to 2,591,880. */
    awardSeconds?: number;
    /** From the award to the end of the time for delivery; 86,400 when omitted, 60 to 2,592,000. */
    deliverySeconds?: number;
    /** How long bids are collected; a quarter of `awardSeconds`, at most 60, when omitted. A direct job needs one bid. */
    minimumWait?: number;
    /** Where input and output lie. */
    store: ObjectStore;
    /** Whether the job appears in the registry's public list, for its fee; true for auctions when omitted. */
    listed?: boolean;
    /** What is accepted in a bidder; the client's policy when omitted. Every job asks for tier tdx. */
    policy?: Policy;
    /** uint64, to post equal jobs; random when omitted. */
    salt?: bigint;
    signal?: AbortSignal;
};

/** How a job is brought to its end. */
export type WaitOptions = {
    /** Award the job when bids were collected, and end it when a deadline has passed; true when omitted. */
    autoAward?: boolean;
    /** Seconds; what the job was created with when omitted. */
    minimumWait?: number;
    /** Called when something has changed. */
    onProgress?: (status: JobStatusReport) => void;
    signal?: AbortSignal;
};

/** Options that were checked and completed. */
export type CheckedJob = {
    model: Buffer;
    task: JobTaskName;
    system: string;
    parameters: Record<string, unknown> & { max_tokens?: number };
    items: readonly JobItem[];
    ceiling: bigint;
    bond: bigint;
    bidStep: bigint;
    provider: Address | null;
    awardSeconds: number;
    deliverySeconds: number;
    minimumWait: number;
    listed: boolean;
    policy: CheckedPolicy;
};

const DefaultAwardSeconds = 600;
const MinAwardSeconds = 60;
/** A little below the contract's bound: its clock may be behind. */
const MaxAwardSeconds = MaxAwardTime - 120;
const DefaultDeliverySeconds = 86_400;
const DefaultMaxTokens = 1_024;
const MaxMaxTokens = 1_000_000;
/** What the job sets itself, or what has no meaning for it. */
const Reserved = ['messages', 'model', 'stream', 'stream_options', 'n', 'max_completion_tokens', 'input'];

/** Seconds before the award deadline at which nothing is awarded any more: the message has to arrive before it. */
export function awardMargin(awardSeconds: number): number {
    return Math.min(30, Math.floor(awardSeconds / 4));
}

/** @throws ClientError `invalid_option` naming the value that is wrong. */
export function checkJob(options: JobOptions, defaultPolicy: CheckedPolicy): CheckedJob {
    const { model, task, ceiling, provider = null } = options;
    if (typeof model !== 'string' || !/^[0-9a-fA-F]{64}$/.test(model)) {
        throw wrong('model', `expected the SHA-256 of the weights, 64 hexadecimal digits, got "${String(model)}"`);
    }
    if (task !== 'chat' && task !== 'embeddings') {
        throw wrong('task', `expected "chat" or "embeddings", got "${String(task)}"`);
    }
    if (!Array.isArray(options.items) || options.items.length < 1 || options.items.length > MaxJobItems) {
        throw wrong('items', `expected 1 to ${MaxJobItems}, got ${options.items?.length}; split a larger job`);
    }
    if (typeof ceiling !== 'bigint' || ceiling <= 0n) {
        throw wrong('ceiling', `expected nanoTON as a bigint above 0, got ${String(ceiling)}`);
    }
    const bond = atLeast('bond', options.bond, leastBond(ceiling));
    const bidStep = atLeast('bidStep', options.bidStep, leastBidStep(ceiling));
    const awardSeconds = seconds('awardSeconds', options.awardSeconds ?? DefaultAwardSeconds, MinAwardSeconds, MaxAwardSeconds);
    const deliverySeconds = seconds('deliverySeconds', options.deliverySeconds ?? DefaultDeliverySeconds, MinDeliveryTime, MaxDeliveryTime);
    const collecting = provider === null ? Math.min(60, Math.floor(awardSeconds / 4)) : 0;
    const minimumWait = seconds('minimumWait', options.minimumWait ?? collecting, 0, awardSeconds - awardMargin(awardSeconds) - 1);
    return {
        model: Buffer.from(model, 'hex'),
        task,
        system: checkSystem(task, options.system ?? ''),
        parameters: checkParameters(task, options.parameters ?? {}),
        items: options.items.map((item, index) => checkItem(task, item, index)),
        ceiling,
        bond,
        bidStep,
        provider,
        awardSeconds,
        deliverySeconds,
        minimumWait,
        listed: options.listed ?? provider === null,
        // No other tier can bid: contracts/job demands an attested machine.
        policy: { ...(options.policy === undefined ? defaultPolicy : checkPolicy({ ...options.policy, leastTier: 'tdx' })), leastTier: 'tdx' },
    };
}

function checkSystem(task: JobTaskName, system: string): string {
    if (typeof system !== 'string') {
        throw wrong('system', 'expected text');
    }
    if (task === 'embeddings' && system !== '') {
        throw wrong('system', 'there are no system messages in a job of embeddings; leave it out');
    }
    return system;
}

function checkParameters(task: JobTaskName, parameters: Record<string, unknown>): CheckedJob['parameters'] {
    const reserved = Reserved.find((name) => name in parameters);
    if (reserved !== undefined) {
        const instead = reserved === 'max_completion_tokens' ? '; use max_tokens' : '';
        throw wrong(`parameters.${reserved}`, `the job sets that itself, or cannot do it${instead}`);
    }
    if (task === 'embeddings') {
        return parameters;
    }
    const most = parameters.max_tokens ?? DefaultMaxTokens;
    if (!Number.isSafeInteger(most) || (most as number) < 1 || (most as number) > MaxMaxTokens) {
        throw wrong('parameters.max_tokens', `expected 1 to ${MaxMaxTokens}, got ${String(most)}`);
    }
    return { ...parameters, max_tokens: most as number };
}

function checkItem(task: JobTaskName, item: string | JobItem, index: number): JobItem {
    const given = (typeof item === 'string' ? (task === 'chat' ? { prompt: item } : { input: item }) : item) as Record<string, unknown>;
    if (task === 'embeddings') {
        if (typeof given?.input === 'string') {
            return { input: given.input };
        }
        throw wrong(`items[${index}]`, 'expected a text or { input: text }');
    }
    if (Array.isArray(given?.messages) && given.messages.length > 0) {
        return { messages: given.messages as unknown[] };
    }
    if (typeof given?.prompt === 'string') {
        return { prompt: given.prompt };
    }
    throw wrong(`items[${index}]`, 'expected a text, { prompt: text } or { messages: [...] }');
}

function atLeast(name: string, given: bigint | undefined, least: bigint): bigint {
    if (given !== undefined && (typeof given !== 'bigint' || given < least)) {
        throw wrong(name, `expected at least ${formatCoins(least)} for this ceiling, got ${typeof given === 'bigint' ? formatCoins(given) : String(given)}`);
    }
    return given ?? least;
}

function seconds(name: string, given: number, least: number, most: number): number {
    if (!Number.isInteger(given) || given < least || given > most) {
        throw wrong(name, `expected whole seconds from ${least} to ${most}, got ${given}`);
    }
    return given;
}

function wrong(option: string, why: string): ClientError {
    return new ClientError('invalid_option', `${option}: ${why}.`);
}
