import { Address } from '@ton/core';
import { bigIntToHash, RewardSettlement } from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { BatchCosts } from './plan';

/** RewardSettlement as the chain shows it; amounts in nanoTON. */
export type SettlementAccount = {
    /** Of the next batch. */
    sequence: number;
    /** 32 bytes. */
    workerKey: Buffer;
    /** Pays for batches. */
    feeFloat: bigint;
    /** What batches took out of the float today (UTC). */
    spentToday: bigint;
    /** What is left of today's cap. */
    capLeft: bigint;
    balance: bigint;
    reserve: bigint;
    /** Earnings that a distribution would split now. */
    earnings: bigint;
    /** False until the protocol fee is known: a distribution would undo its whole batch. */
    canDistribute: boolean;
    /** Share of net earnings that refills the float when they are distributed. */
    floatBasisPoints: bigint;
};

export type SettlementCosts = {
    base: bigint;
    item: bigint;
    /** What a distribution adds. */
    distribute: bigint;
};

/** Reads everything that decides about a batch. @throws {ChainUnreachable}, {ChainError} */
export async function readSettlement(chain: Chain, address: Address): Promise<SettlementAccount> {
    const contract = chain.open(RewardSettlement.RewardSettlement.fromAddress(address));
    const data = await contract.getSettlementData();
    const { balance } = await chain.account(address);
    const earnings = balance - data.reserve - data.feeFloat;
    return {
        sequence: Number(data.sequence),
        workerKey: bigIntToHash(data.workerKey),
        feeFloat: data.feeFloat,
        spentToday: data.spentToday,
        capLeft: data.dailyCap > data.spentToday ? data.dailyCap - data.spentToday : 0n,
        balance,
        reserve: data.reserve,
        earnings: earnings > 0n ? earnings : 0n,
        canDistribute: data.treasury !== 0n,
        floatBasisPoints: data.floatBasisPoints,
    };
}

/** Asks the contract what batches can cost at today's prices. */
export async function readCosts(chain: Chain, address: Address): Promise<SettlementCosts> {
    const contract = chain.open(RewardSettlement.RewardSettlement.fromAddress(address));
    const base = await contract.getBatchCost(0n, false);
    return {
        base,
        item: (await contract.getBatchCost(1n, false)) - base,
        distribute: (await contract.getBatchCost(0n, true)) - base,
    };
}

/** @returns the costs of a batch, with what may be spent on it now. */
export function batchCosts(account: SettlementAccount, costs: SettlementCosts, distribute: boolean): BatchCosts {
    const free = account.balance - account.reserve;
    const budget = [account.feeFloat, account.capLeft, free].reduce((least, next) => (next < least ? next : least));
    return {
        base: costs.base + (distribute ? costs.distribute : 0n),
        item: costs.item,
        budget: budget > 0n ? budget : 0n,
    };
}
