import { Address, beginCell, Cell, Dictionary } from '@ton/core';
import { accountOf, packRegistration, ProviderRegistry, RegistrationDetails, RewardSettlement } from '../../wrappers';

// Bodies of every message that a RewardSettlement receives.

export const payout = (): Cell =>
    beginCell().store(RewardSettlement.storePayout({ $$type: 'Payout' })).endCell();

export const fundFees = (): Cell =>
    beginCell().store(RewardSettlement.storeFundFees({ $$type: 'FundFees', queryId: 0n })).endCell();

export const releaseFees = (amount: bigint): Cell =>
    beginCell().store(RewardSettlement.storeReleaseFees({ $$type: 'ReleaseFees', queryId: 0n, amount })).endCell();

export const distribute = (): Cell =>
    beginCell().store(RewardSettlement.storeDistribute({ $$type: 'Distribute', queryId: 0n })).endCell();

export const syncFee = (): Cell =>
    beginCell().store(RewardSettlement.storeSyncFee({ $$type: 'SyncFee', queryId: 0n })).endCell();

export const setWorkerKey = (workerKey: bigint): Cell =>
    beginCell().store(RewardSettlement.storeSetWorkerKey({ $$type: 'SetWorkerKey', workerKey })).endCell();

export const setFeeLimits = (dailyCap: bigint, floatBasisPoints: bigint): Cell =>
    beginCell()
        .store(RewardSettlement.storeSetFeeLimits({ $$type: 'SetFeeLimits', queryId: 0n, dailyCap, floatBasisPoints }))
        .endCell();

/** Shares in basis points by account. */
export type Shares = [Address, number][];

export const setBeneficiaries = (shares: Shares): Cell => {
    const beneficiaries = Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Uint(16));
    shares.forEach(([address, basisPoints]) => beneficiaries.set(accountOf(address), basisPoints));
    return beginCell()
        .store(RewardSettlement.storeSetBeneficiaries({ $$type: 'SetBeneficiaries', queryId: 0n, beneficiaries }))
        .endCell();
};

export const packParameters = (treasury: Address, feeBasisPoints: bigint): Cell =>
    beginCell().store(ProviderRegistry.storeParameters({
        $$type: 'Parameters', registrationDeposit: 0n, registrationFee: 0n, feeBasisPoints, treasury: accountOf(treasury), listingFee: 0n,
    })).endCell();

export const protocolFee = (parameters: Cell, payer: Address): Cell =>
    beginCell().store(RewardSettlement.storeProtocolFee({
        $$type: 'ProtocolFee', queryId: 0n, payer: accountOf(payer), parameters,
    })).endCell();

export const initialise = (
    owner: Address, registry: Address, registration: RegistrationDetails, parameters: Cell | null,
): Cell =>
    beginCell().store(RewardSettlement.storeInitialiseSettlement({
        $$type: 'InitialiseSettlement', owner: accountOf(owner), registry: accountOf(registry),
        registration: packRegistration(registration), parameters,
    })).endCell();
