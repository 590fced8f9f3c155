import { OfferTerms, packOffer, SignedReceipt } from '@ton-compute/contracts';
import { Address } from '@ton/core';
import {
    parseAmount,
    parseDecimal,
    parseHash,
    parseInteger,
    parseObject,
    parseRawAddress,
    parseString,
} from './parsing';
import { receiptFromJson, ReceiptJson, receiptToJson } from './receipt-json';
import { WireFormatError } from './wire-error';

/** A session's account as the worker sees it; amounts in nanoTON. */
export type SessionAccount = {
    session: Address;
    /** Highest voucher, cumulative. */
    cumulative: bigint;
    /** Amount by the tokens so far, cumulative. */
    spent: bigint;
    /** What the escrow can still pay. */
    claimable: bigint;
    claimed: bigint;
    /** How far `spent` may grow now: the limit, not the difference. */
    allowance: bigint;
    /** Requests that have not ended: when there is none, `spent` counts all that were sent. */
    running: number;
    receipt: SignedReceipt | null;
};

export type SessionAccountJson = {
    session: string;
    cumulative: string;
    spent: string;
    claimable: string;
    claimed: string;
    allowance: string;
    running: number;
    receipt: ReceiptJson | null;
};

export function accountToJson(account: SessionAccount): SessionAccountJson {
    return {
        session: account.session.toRawString(),
        cumulative: account.cumulative.toString(),
        spent: account.spent.toString(),
        claimable: account.claimable.toString(),
        claimed: account.claimed.toString(),
        allowance: account.allowance.toString(),
        running: account.running,
        receipt: account.receipt === null ? null : receiptToJson(account.receipt),
    };
}

/** @throws WireFormatError when a field is missing or wrong. */
export function accountFromJson(value: unknown): SessionAccount {
    const json = parseObject(value, 'account');
    const amount = (name: string) => parseAmount(json[name], `account.${name}`);
    return {
        session: parseRawAddress(json.session, 'account.session'),
        cumulative: amount('cumulative'),
        spent: amount('spent'),
        claimable: amount('claimable'),
        claimed: amount('claimed'),
        allowance: amount('allowance'),
        running: parseInteger(json.running, 'account.running', 0, 2 ** 31 - 1),
        receipt: json.receipt === null ? null : receiptFromJson(json.receipt),
    };
}

/** One offer of a worker, with what the chain does not say of it. */
export type WorkerOffer = { terms: OfferTerms; name: string; /** Tokens. */ contextLength: number };

/** What a worker says of itself at `GET /offer`. The chain rules where they differ. */
export type WorkerOffers = {
    provider: Address;
    registry: Address;
    globalId: number;
    endpoint: string;
    offers: WorkerOffer[];
};

export type WorkerOffersJson = {
    provider: string;
    registry: string;
    globalId: number;
    endpoint: string;
    offers: {
        id: string;
        model: string;
        name: string;
        contextLength: number;
        prices: { prompt: string; cached: string; completion: string; reasoning: string };
        maxCreditWindow: string;
        minDeposit: string;
    }[];
};

export function offersToJson(offers: WorkerOffers): WorkerOffersJson {
    return {
        provider: offers.provider.toRawString(),
        registry: offers.registry.toRawString(),
        globalId: offers.globalId,
        endpoint: offers.endpoint,
        offers: offers.offers.map(({ terms, name, contextLength }) => ({
            id: packOffer(terms).hash().toString('hex'),
            model: terms.model.toString('hex'),
            name,
            contextLength,
            prices: {
                prompt: terms.prices.prompt.toString(),
                cached: terms.prices.cached.toString(),
                completion: terms.prices.completion.toString(),
                reasoning: terms.prices.reasoning.toString(),
            },
            maxCreditWindow: terms.maxCreditWindow.toString(),
            minDeposit: terms.minDeposit.toString(),
        })),
    };
}

const PriceLimit = 1n << 64n;

/** @throws WireFormatError when a field is wrong, or an `id` is not the hash of the offer it stands beside. */
export function offersFromJson(value: unknown): WorkerOffers {
    const json = parseObject(value, 'offer');
    if (!Array.isArray(json.offers)) {
        throw new WireFormatError('offer.offers', 'offer.offers: expected a list.');
    }
    return {
        provider: parseRawAddress(json.provider, 'offer.provider'),
        registry: parseRawAddress(json.registry, 'offer.registry'),
        globalId: parseInteger(json.globalId, 'offer.globalId', -(2 ** 31), 2 ** 31 - 1),
        endpoint: parseString(json.endpoint, 'offer.endpoint'),
        offers: json.offers.map((item, index) => workerOfferFromJson(item, `offer.offers[${index}]`)),
    };
}

function workerOfferFromJson(value: unknown, field: string): WorkerOffer {
    const json = parseObject(value, field);
    const prices = parseObject(json.prices, `${field}.prices`);
    const price = (name: string) => parseDecimal(prices[name], `${field}.prices.${name}`, PriceLimit);
    const terms: OfferTerms = {
        model: parseHash(json.model, `${field}.model`),
        prices: {
            prompt: price('prompt'),
            cached: price('cached'),
            completion: price('completion'),
            reasoning: price('reasoning'),
        },
        maxCreditWindow: parseAmount(json.maxCreditWindow, `${field}.maxCreditWindow`),
        minDeposit: parseAmount(json.minDeposit, `${field}.minDeposit`),
    };
    if (!parseHash(json.id, `${field}.id`).equals(packOffer(terms).hash())) {
        throw new WireFormatError(`${field}.id`, `${field}.id: expected the hash of the offer that stands beside it.`);
    }
    return {
        terms,
        name: parseString(json.name, `${field}.name`),
        contextLength: parseInteger(json.contextLength, `${field}.contextLength`, 1, 2 ** 31 - 1),
    };
}
