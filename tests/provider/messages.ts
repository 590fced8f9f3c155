import { beginCell, Cell } from '@ton/core';
import { hashToBigInt, OfferTerms, packOffer, Provider } from '../../wrappers';

// Bodies of every message that a Provider receives.

/** The number by which an offer is named. */
export const offerHash = (offer: OfferTerms): bigint => hashToBigInt(packOffer(offer).hash());

/** Removes and adds cells as they are. */
export const updateOfferCells = (remove: bigint | null, add: Cell | null): Cell =>
    beginCell().store(Provider.storeUpdateOffers({ $$type: 'UpdateOffers', queryId: 0n, remove, add })).endCell();

export const updateOffers = (remove: OfferTerms | null, add: OfferTerms | null): Cell =>
    updateOfferCells(remove && offerHash(remove), add && packOffer(add));

export const setKeys = (workerKey: Buffer, encryptionKey: Buffer): Cell =>
    beginCell().store(Provider.storeSetKeys({
        $$type: 'SetKeys', queryId: 0n, workerKey: hashToBigInt(workerKey), encryptionKey: hashToBigInt(encryptionKey),
    })).endCell();

export const setEndpoint = (endpoint: Cell): Cell =>
    beginCell().store(Provider.storeSetEndpoint({ $$type: 'SetEndpoint', queryId: 0n, endpoint })).endCell();

export const retire = (): Cell =>
    beginCell().store(Provider.storeRetire({ $$type: 'Retire', queryId: 0n })).endCell();

export const deploySettlement = (): Cell =>
    beginCell().store(Provider.storeDeploySettlement({ $$type: 'DeploySettlement', queryId: 0n })).endCell();

export const confirmSession = (openedLt: bigint, sessionKey: Buffer, terms: Cell): Cell =>
    beginCell().store(Provider.storeConfirmSession({
        $$type: 'ConfirmSession', openedLt, sessionKey: hashToBigInt(sessionKey), terms,
    })).endCell();

export const sessionClosed = (claimed: bigint, sessionKey: Buffer, terms: Cell): Cell =>
    beginCell().store(Provider.storeSessionClosed({
        $$type: 'SessionClosed', claimed, sessionKey: hashToBigInt(sessionKey), terms,
    })).endCell();

export const initialiseProvider = (owner: bigint, deposit: bigint, registration: Cell, parameters: Cell): Cell =>
    beginCell().store(Provider.storeInitialiseProvider({
        $$type: 'InitialiseProvider', owner, deposit, registration, parameters,
    })).endCell();

export const requestNonce = (queryId = 0n): Cell =>
    beginCell().store(Provider.storeRequestNonce({ $$type: 'RequestNonce', queryId })).endCell();

export const setAttester = (attester: bigint): Cell =>
    beginCell().store(Provider.storeSetAttester({ $$type: 'SetAttester', queryId: 0n, attester })).endCell();

export const quoteAccepted = (verdict: Omit<Provider.QuoteAccepted, '$$type'>): Cell =>
    beginCell().store(Provider.storeQuoteAccepted({ $$type: 'QuoteAccepted', ...verdict })).endCell();

export const quoteRejected = (payer: bigint, reason: bigint, queryId = 0n): Cell =>
    beginCell().store(Provider.storeQuoteRejected({ $$type: 'QuoteRejected', queryId, payer, reason, context: Cell.EMPTY })).endCell();
