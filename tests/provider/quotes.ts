import { Address, beginCell, Cell, toNano, Transaction } from '@ton/core';
import { accountOf, AttestedKeys, attestationContext, Provider, reportDataOf } from '../../wrappers';
import { dataOf, rentOf, sendAs, transactionOf } from '../support/chain';
import { GlobalId, Start, testKey, TestNetwork } from '../support/network';
import { quoteAccepted, requestNonce } from './messages';

// Nonces, and verdicts on quotes as the verifier gives them. The verifier is a wallet here: what it says is the test's word.

/** What the guest of these tests made at its boot. */
export const GuestKey = testKey('guest');
export const GuestEncryptionKey = Buffer.from('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f', 'hex');

export const Value = toNano('0.1');

/** What the verifier says of every quote here, unless a test says otherwise. */
export const Verdict = {
    queryId: 77n, expiry: BigInt(Start + 100_000), tcbStatus: 1n, evaluationNumber: 17n, measurement: 333n, machineId: 555n,
};

/** Asks for a nonce in the name of any account; also the answer's message as it was sent. */
export async function askNonce(network: TestNetwork, from = network.stranger.address) {
    const result = await sendAs(network.chain, from, network.provider.address, Value, requestNonce(5n));
    const [message] = [...transactionOf(result, network.provider.address).outMessages.values()];
    return { ...Provider.loadNonceIssued(message.body.beginParse()), message };
}

/** What a guest of this provider puts into a quote. */
export const guest = (nonce: bigint, changes: Partial<AttestedKeys> = {}): AttestedKeys => ({
    workerKey: GuestKey.publicKey, encryptionKey: GuestEncryptionKey, evidenceHash: Buffer.alloc(32, 9), nonce, ...changes,
});

export type QuoteChanges = Partial<Omit<Provider.QuoteAccepted, '$$type'>>;

/** The verifier's message on a quote of this guest, sent by the owner. */
export function verdictOn(network: TestNetwork, keys: AttestedKeys, changes: QuoteChanges = {}): Cell {
    return quoteAccepted({
        ...Verdict, payer: accountOf(network.owner.address),
        reportData: beginCell().storeBuffer(reportDataOf(network.provider.address, GlobalId, keys)).endCell(),
        context: attestationContext(keys), ...changes,
    });
}

/** Delivers a verifier's message, which does not bounce; tells what the provider did. */
export async function deliver(network: TestNetwork, body: Cell, value = Value, from: Address = network.verifier.address) {
    const { chain, provider } = network;
    const [data, balance] = [await dataOf(chain, provider.address), await network.balance(provider.address)];
    const result = await sendAs(chain, from, provider.address, value, body, { bounce: false });
    const transaction = transactionOf(result, provider.address);
    return {
        transactions: result.transactions, transaction, outcome: outcomeOf(transaction),
        /** Whether data and balance are what they were, but for rent. */
        unchanged: (await dataOf(chain, provider.address))!.equals(data!)
            && (await network.balance(provider.address)) + rentOf(transaction).paid === balance,
    };
}

/** The AttestationOutcome that a transaction sent, with its receiver and value; undefined for none. */
export function outcomeOf(transaction: Transaction) {
    for (const { body, info } of transaction.outMessages.values()) {
        if (info.type === 'internal' && body.bits.length === 112) {
            const { queryId, reason } = Provider.loadAttestationOutcome(body.beginParse());
            return { queryId, reason: Number(reason), to: info.dest.toString(), value: info.value.coins, bounce: info.bounce };
        }
    }
    return undefined;
}

/** Attests the provider as a machine does: nonce, quote, verdict. */
export async function attestGuest(network: TestNetwork, changes: Partial<AttestedKeys> = {}, verdict: QuoteChanges = {}) {
    const { nonce } = await askNonce(network);
    const result = await deliver(network, verdictOn(network, guest(nonce, changes), verdict));
    if (result.outcome?.reason !== 0) {
        throw new Error(`The quote was refused: ${result.outcome?.reason}.`);
    }
    return { nonce, ...result };
}
