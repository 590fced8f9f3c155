import { Address, beginCell, Cell } from '@ton/core';
import { accountOf, addressOf } from './addresses';
import { bigIntToHash, hashToBigInt } from './payloads';
import { Prices } from './prices';
import { storeRegistration } from './provider';
import {
    loadConditions,
    loadOffer,
    loadSessionTerms,
    storeConditions,
    storeOffer,
    storeSessionTerms,
} from './session_escrow';

/** What a provider offers. */
export type OfferTerms = {
    /** SHA-256 of the weights file, 32 bytes. */
    model: Buffer;
    prices: Prices;
    /** The largest credit window that the provider grants, nanoTON. */
    maxCreditWindow: bigint;
    /** The least deposit that is worth a session to the provider, nanoTON. */
    minDeposit: bigint;
};

/** What client and provider agree on; part of the escrow's address. */
export type SessionAgreement = {
    provider: Address;
    client: Address;
    /** uint64; lets one client hold several sessions with one provider. */
    salt: bigint;
    /** nanoTON; at most the offer's maximum. */
    creditWindow: bigint;
    /** Seconds, 900 to 2,592,000. */
    closeWindow: number;
    /** Least tier that the client accepts. */
    leastTier: number;
    /** Bit i set: TCB status i is accepted. */
    acceptedTcbStatuses: number;
    /** 32 bytes, or null for any. */
    measurement: Buffer | null;
    offer: OfferTerms;
};

/** @returns the Offer cell; its hash names the offer. */
export function packOffer(offer: OfferTerms): Cell {
    const { prompt, cached, completion, reasoning } = offer.prices;
    return beginCell()
        .store(
            storeOffer({
                $$type: 'Offer',
                maxCreditWindow: offer.maxCreditWindow,
                minDeposit: offer.minDeposit,
                model: hashToBigInt(offer.model),
                prices: beginCell()
                    .storeUint(prompt, 64)
                    .storeUint(cached, 64)
                    .storeUint(completion, 64)
                    .storeUint(reasoning, 64)
                    .asSlice(),
            }),
        )
        .endCell();
}

/** @returns the id of an offer, 32 bytes: the hash of its cell, and its key in `provider_data.offers`. */
export function offerId(offer: OfferTerms): Buffer {
    return packOffer(offer).hash();
}

/** @returns what {@link packOffer} packed. @throws when the cell is shorter than an offer. */
export function unpackOffer(cell: Cell): OfferTerms {
    const offer = loadOffer(cell.beginParse());
    return {
        model: bigIntToHash(offer.model),
        prices: {
            prompt: offer.prices.loadUintBig(64),
            cached: offer.prices.loadUintBig(64),
            completion: offer.prices.loadUintBig(64),
            reasoning: offer.prices.loadUintBig(64),
        },
        maxCreditWindow: offer.maxCreditWindow,
        minDeposit: offer.minDeposit,
    };
}

/** @returns the SessionTerms cell. */
export function packTerms(agreement: SessionAgreement): Cell {
    const conditions = beginCell().store(
        storeConditions({
            $$type: 'Conditions',
            salt: agreement.salt,
            closeWindow: BigInt(agreement.closeWindow),
            creditWindow: agreement.creditWindow,
            measurement: agreement.measurement === null ? null : hashToBigInt(agreement.measurement),
            offer: packOffer(agreement.offer),
        }),
    );
    return beginCell()
        .store(
            storeSessionTerms({
                $$type: 'SessionTerms',
                leastTier: BigInt(agreement.leastTier),
                acceptedTcbStatuses: BigInt(agreement.acceptedTcbStatuses),
                provider: accountOf(agreement.provider),
                client: accountOf(agreement.client),
                conditions: conditions.asSlice(),
            }),
        )
        .endCell();
}

/** @returns what {@link packTerms} packed. @throws when the cell is shorter than terms. */
export function unpackTerms(cell: Cell): SessionAgreement {
    const terms = loadSessionTerms(cell.beginParse());
    const conditions = loadConditions(terms.conditions);
    return {
        provider: addressOf(terms.provider),
        client: addressOf(terms.client),
        salt: conditions.salt,
        creditWindow: conditions.creditWindow,
        closeWindow: Number(conditions.closeWindow),
        leastTier: Number(terms.leastTier),
        acceptedTcbStatuses: Number(terms.acceptedTcbStatuses),
        measurement: conditions.measurement === null ? null : bigIntToHash(conditions.measurement),
        offer: unpackOffer(conditions.offer),
    };
}

/** What an owner registers. */
export type RegistrationDetails = {
    /** Ed25519 public key that signs receipts and batches, 32 bytes. */
    workerKey: Buffer;
    /** X25519 public key to which clients seal their requests, 32 bytes. */
    encryptionKey: Buffer;
    /** nanoTON of the settlement's fee float that the worker key may spend in a day. */
    dailyCap: bigint;
    /** The network's AttestationVerifier, `registry_data.verifier`; null where there is only tier open. */
    verifier: Address | null;
    /** URL of the worker, 1 to 127 bytes. */
    endpoint: string;
};

/**
 * @returns the Registration cell.
 * @throws RangeError for an endpoint that is too long.
 */
export function packRegistration(details: RegistrationDetails): Cell {
    return beginCell()
        .store(
            storeRegistration({
                $$type: 'Registration',
                workerKey: hashToBigInt(details.workerKey),
                encryptionKey: hashToBigInt(details.encryptionKey),
                dailyCap: details.dailyCap,
                verifier: details.verifier === null ? 0n : accountOf(details.verifier),
                endpoint: packEndpoint(details.endpoint),
            }),
        )
        .endCell();
}

/**
 * @returns an endpoint as the contracts store it: one cell of UTF-8.
 * @throws RangeError outside 1 to 127 bytes.
 */
export function packEndpoint(endpoint: string): Cell {
    const bytes = Buffer.from(endpoint, 'utf8');
    if (bytes.length < 1 || bytes.length > 127) {
        throw new RangeError(`An endpoint has 1 to 127 bytes, "${endpoint}" has ${bytes.length}.`);
    }
    return beginCell().storeBuffer(bytes).endCell();
}

/** @returns the endpoint of a provider. */
export function unpackEndpoint(cell: Cell): string {
    const slice = cell.beginParse();
    return slice.loadBuffer(slice.remainingBits / 8).toString('utf8');
}
