import { OperationName } from './operations';

/** Most gas that an operation may burn; null where none is set. In a batch: for one item, everything included. */
export const GasTargets: Readonly<Record<OperationName, number | null>> = {
    register: 20_000,
    open: 19_000,
    claim: 7_000,
    claimBatch50PerClaim: 8_600,
    closeByProvider: 17_000,
    closeByClient: 15_500,
    topUp: null,
    withdraw: null,
    postJob: 12_000,
    listJob: null,
    bid: 15_000,
    outbid: null,
    award: null,
    deliver: 20_000,
    expireJob: null,
    verifyQuote: 50_000,
    verifyQuoteNewEnclave: null,
    registerPlatform: null,
    firstQuote: 150_000,
    addTcbInfo: 250_000,
    addQeIdentity: null,
    addCrl: null,
    addCertificate: null,
};

/** nanoTON, at the prices since 2026-04-29. */
export const RentTargets = { perYear2026: 2_500_000n, locked: 20_000_000n };

/** A session of this many requests with this many batched claims, and the most that one request may cost, nanoTON. */
export const SessionTarget = { requests: 10_000, claims: 10, perRequest2026: 1_500 };

/** An operation of Telegram's Cocoon. */
export type Rival = { operation: string; transactions: number; gas: number; /** nanoTON. */ feesOld: number };

/**
 * Cocoon's published FunC contracts (Root, Proxy, Client, Worker, Wallet), compiled and run on the same sandbox at the
 * prices until 2026-04-29, whole chain of messages. Which of its operations corresponds is our judgement.
 */
export const Rivals: Readonly<Partial<Record<OperationName, Rival>>> = {
    open: { operation: 'client deploy + top-up', transactions: 3, gas: 22_326, feesOld: 18_000_000 },
    claim: { operation: 'charge a client (signed)', transactions: 3, gas: 16_246, feesOld: 8_700_000 },
    claimBatch50PerClaim: {
        operation: 'settle a client and a worker, wallet contract',
        transactions: 9,
        gas: 49_469,
        feesOld: 27_000_000,
    },
    closeByProvider: { operation: 'cooperative close', transactions: 4, gas: 30_769, feesOld: 15_100_000 },
    closeByClient: { operation: 'unilateral close, both stages', transactions: 8, gas: 54_843, feesOld: 26_700_000 },
    topUp: { operation: 'client top-up', transactions: 3, gas: 22_326, feesOld: 10_900_000 },
    withdraw: { operation: 'pay a worker (signed)', transactions: 4, gas: 23_168, feesOld: 11_900_000 },
};
