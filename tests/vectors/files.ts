import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Address, Cell } from '@ton/core';
import { AttestedKeys, JobAgreement, OfferTerms, Prices, SessionAgreement, SigningDomain, Tokens } from '../../wrappers';

// The vector files as types, and their values as the wrappers take them.

export type TokensJson = Record<keyof Tokens, string>;
export type OfferJson = { model: string; prices: TokensJson; maxCreditWindow: string; minDeposit: string };
export type AgreementJson = {
    provider: string;
    client: string;
    salt: string;
    creditWindow: string;
    closeWindow: number;
    leastTier: number;
    acceptedTcbStatuses: number;
    measurement: string | null;
    offer: OfferJson;
};
export type JobJson = {
    client: string;
    salt: string;
    provider: string | null;
    acceptedTcbStatuses: number;
    measurement: string | null;
    model: string;
    inputRoot: string;
    itemCount: number;
    awardDeadline: number;
    deliveryTime: number;
    ceiling: string;
    bond: string;
    bidStep: string;
    market: { registry: string; providerCodeHash: string; providerCodeDepth: number };
    specification: {
        task: number;
        promptTokens: string;
        completionTokens: string;
        inputBytes: string;
        instructionsHash: string;
        inputUrl: string;
    };
};
export type PayloadVector = {
    name: string;
    kind: 'voucher' | 'receipt' | 'batch' | 'delivery' | 'request';
    key: 'session' | 'worker';
    domain: { globalId: number; workchain: number; contract: string; openedLt: string };
    body: Record<string, unknown>;
    cell: string;
    hash: string;
    signature: string;
    message: string | null;
};
export type ReportDataVector = {
    name: string;
    globalId: number;
    provider: string;
    workerKey: string;
    encryptionKey: string;
    evidenceHash: string;
    nonce: string;
    digest: string;
    reportData: string;
    context: string;
};
export type ProtocolVectors = {
    keys: Record<'session' | 'worker', { seed: string; publicKey: string }>;
    payloads: PayloadVector[];
    reportData: ReportDataVector[];
    amounts: { name: string; tokens: TokensJson; prices: TokensJson; amount: string }[];
    publicKeys: { name: string; key: string; ed25519: boolean; x25519: boolean }[];
    offers: { name: string; offer: OfferJson; cell: string; id: string }[];
    terms: { name: string; agreement: AgreementJson; cell: string; hash: string }[];
    jobs: { name: string; agreement: JobJson; cell: string; hash: string }[];
};
export type AddressVectors = {
    registry: {
        governance: string;
        verifier: null;
        data: string;
        address: string;
        parameters: { registrationDeposit: string; registrationFee: string; feeBasisPoints: number; treasury: string; listingFee: string };
    };
    providers: { index: number; address: string }[];
    settlement: { provider: string; address: string };
    escrow: { sessionKey: string; settlement: string; terms: string; data: string; address: string };
    job: { terms: string; data: string; address: string };
    listing: { index: number; data: string; address: string };
    catalog: { curator: string; salt: string; delay: number; data: string; address: string };
};

const read = (name: string): unknown => JSON.parse(readFileSync(join(__dirname, name), 'utf8'));

export const vectors = read('payloads.json') as ProtocolVectors;
export const addresses = read('addresses.json') as AddressVectors;
export const hashes = read('code_hashes.json') as Record<string, string>;

export const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
export const number = (hex: string): bigint => BigInt('0x' + hex);
export const cellOf = (hex: string): Cell => Cell.fromBoc(bytes(hex))[0];
export const addressOfHash = (hex: string): Address => new Address(0, bytes(hex));

export function quad({ prompt, cached, completion, reasoning }: TokensJson): Tokens & Prices {
    return {
        prompt: BigInt(prompt),
        cached: BigInt(cached),
        completion: BigInt(completion),
        reasoning: BigInt(reasoning),
    };
}

export function offerOf({ model, prices, maxCreditWindow, minDeposit }: OfferJson): OfferTerms {
    return {
        model: bytes(model),
        prices: quad(prices),
        maxCreditWindow: BigInt(maxCreditWindow),
        minDeposit: BigInt(minDeposit),
    };
}

export function agreementOf(json: AgreementJson): SessionAgreement {
    return {
        ...json,
        provider: addressOfHash(json.provider),
        client: addressOfHash(json.client),
        salt: BigInt(json.salt),
        creditWindow: BigInt(json.creditWindow),
        measurement: json.measurement === null ? null : bytes(json.measurement),
        offer: offerOf(json.offer),
    };
}

export function jobOf(json: JobJson): JobAgreement {
    const { market, specification } = json;
    return {
        ...json,
        client: addressOfHash(json.client),
        salt: BigInt(json.salt),
        provider: json.provider === null ? null : addressOfHash(json.provider),
        measurement: json.measurement === null ? null : bytes(json.measurement),
        model: bytes(json.model),
        inputRoot: bytes(json.inputRoot),
        ceiling: BigInt(json.ceiling),
        bond: BigInt(json.bond),
        bidStep: BigInt(json.bidStep),
        market: {
            registry: addressOfHash(market.registry),
            providerCodeHash: bytes(market.providerCodeHash),
            providerCodeDepth: market.providerCodeDepth,
        },
        specification: {
            task: specification.task,
            promptTokens: BigInt(specification.promptTokens),
            completionTokens: BigInt(specification.completionTokens),
            inputBytes: BigInt(specification.inputBytes),
            instructionsHash: bytes(specification.instructionsHash),
            inputUrl: specification.inputUrl,
        },
    };
}

export function domainOf({ globalId, workchain, contract, openedLt }: PayloadVector['domain']): SigningDomain {
    return { globalId, contract: new Address(workchain, bytes(contract)), openedLt: BigInt(openedLt) };
}

export function attestedKeysOf({ workerKey, encryptionKey, evidenceHash, nonce }: ReportDataVector): AttestedKeys {
    return {
        workerKey: bytes(workerKey),
        encryptionKey: bytes(encryptionKey),
        evidenceHash: bytes(evidenceHash),
        nonce: number(nonce),
    };
}
