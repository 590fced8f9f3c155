import { Transaction } from '@ton/core';
import { AttestationVerifier, JobEscrow, JobListing, Provider, ProviderRegistry, RewardSettlement, SessionEscrow } from '@ton-compute/contracts';

const Tables = [
    ProviderRegistry.ProviderRegistry.opcodes,
    Provider.Provider.opcodes,
    SessionEscrow.SessionEscrow.opcodes,
    RewardSettlement.RewardSettlement.opcodes,
    AttestationVerifier.AttestationVerifier.opcodes,
    JobEscrow.JobEscrow.opcodes,
    JobListing.JobListing.opcodes,
];

const Names = new Map(Tables.flatMap((table) => Object.entries(table).map(([name, opcode]) => [opcode as number, name])));

/**
 * @param isWallet whether the transaction's account is a wallet.
 * @returns the operation that a transaction carried out, in the words of the contracts.
 */
export function operationOf(transaction: Transaction, isWallet: boolean): string {
    const message = transaction.inMessage;
    if (message?.info.type === 'external-in') {
        return isWallet ? '(wallet sends)' : 'batch, one external message';
    }
    const body = message?.body.beginParse();
    const opcode = body !== undefined && body.remainingBits >= 32 ? body.loadUint(32) : 0;
    return opcode === 0 ? '(coins arrive)' : (Names.get(opcode) ?? `operation 0x${opcode.toString(16)}`);
}
