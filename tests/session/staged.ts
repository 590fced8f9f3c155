import { Address, Cell, toNano } from '@ton/core';
import { internal, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    amountOf, escrowDeployment, hashToBigInt, NoTokens, packTerms, SessionAgreement, SessionStatus, SignedReceipt,
    SignedVoucher, Tier, Tokens,
} from '../../wrappers';
import { sendAs } from '../support/chain';
import { Start, TestNetwork, TestSession } from '../support/network';
import { attempt, Outcome } from './outcome';
import * as message from './messages';

/** What a staged session's deposit holds when nothing else is said. */
export const Deposit = toNano('1');
/** Unix seconds until which a staged provider is attested. */
export const AttestedUntil = BigInt(Start + 86_400);

/**
 * A session whose provider is a wallet that the test moves by hand: attested, silent or lying as the test needs. So is
 * its settlement, unless another one is given. The escrow cannot know the difference: it knows both only by account.
 */
export class StagedSession extends TestSession {
    private constructor(
        network: TestNetwork, agreement: SessionAgreement, deployment: TestSession['deployment'],
        readonly provider: SandboxContract<TreasuryContract>,
        /** Account that may claim by receipt and finish. */
        readonly settlement: Address,
    ) {
        super(network, agreement, deployment);
    }

    /** Not deployed yet. */
    static async prepare(
        network: TestNetwork, changes: Partial<SessionAgreement> = {}, settlement?: Address, key = network.sessionKey.publicKey,
    ): Promise<StagedSession> {
        const provider = await network.chain.treasury('staged provider');
        const earnings = settlement ?? (await network.chain.treasury('staged settlement')).address;
        const agreement = network.agreement({ provider: provider.address, leastTier: Tier.Tdx, ...changes });
        const deployment = await escrowDeployment(key, earnings, packTerms(agreement));
        return new StagedSession(network, agreement, deployment, provider, earnings);
    }

    /** Opened by the client; the provider has not answered. */
    static async opening(network: TestNetwork, changes: Partial<SessionAgreement> = {}, settlement?: Address): Promise<StagedSession> {
        const session = await StagedSession.prepare(network, changes, settlement);
        await session.open(Deposit);
        return session;
    }

    /** Opened and confirmed with an attestation that lasts until AttestedUntil. */
    static async open(network: TestNetwork, changes: Partial<SessionAgreement> = {}, settlement?: Address): Promise<StagedSession> {
        const session = await StagedSession.opening(network, changes, settlement);
        await session.confirm();
        return session;
    }

    get chain() {
        return this.network.chain;
    }

    get client(): Address {
        return this.network.client.address;
    }

    /** The provider confirms the present opening, unless told otherwise. */
    async confirm(
        changes: { openedLt?: bigint; expiry?: bigint; workerKey?: Buffer } = {}, value = toNano('0.01'),
    ): Promise<SendMessageResult> {
        const openedLt = changes.openedLt ?? (await this.data()).openedLt;
        const workerKey = hashToBigInt(changes.workerKey ?? this.network.workerKey.publicKey);
        const body = message.sessionConfirmed(openedLt, workerKey, changes.expiry ?? AttestedUntil);
        return sendAs(this.chain, this.provider.address, this.address, value, body, { bounce: false });
    }

    /** Delivers a message in anyone's name; value and sender are exact. */
    deliver(from: Address, body: Cell, value = toNano('0.1')): Promise<SendMessageResult> {
        return sendAs(this.chain, from, this.address, value, body);
    }

    /** As deliver, telling what it did. */
    attempt(from: Address, body: Cell, value = toNano('0.2')): Promise<Outcome> {
        return attempt(this.chain, from, this.address, body, value);
    }

    /** As the chain delivers a bounce: in the name of the account that the message had gone to. */
    deliverBounce(from: Address, body: Cell, value = toNano('0.01')): Promise<SendMessageResult> {
        return this.chain.sendMessage(internal({ from, to: this.address, value, body, bounced: true, bounce: false }));
    }

    /** A receipt for these tokens, with the amount that they cost by the session's prices. */
    receiptFor(tokens: Partial<Tokens>, changes: Partial<SignedReceipt> = {}): Promise<SignedReceipt> {
        const all = { ...NoTokens, ...tokens };
        const amount = amountOf(all, this.agreement.offer.prices);
        return this.receipt({ sequence: 1, tokens: all, amount, transcriptHash: 5n, ...changes });
    }

    claimReceipt(receipt: SignedReceipt, voucher: SignedVoucher | null = null, value?: bigint): Promise<SendMessageResult> {
        return this.deliver(this.settlement, message.claimReceipt(receipt, voucher), value);
    }

    finish(voucher: SignedVoucher | null = null, value?: bigint): Promise<SendMessageResult> {
        return this.deliver(this.settlement, message.finishSession(voucher), value);
    }

    balance(): Promise<bigint> {
        return this.network.balance(this.address);
    }

    exists(): Promise<boolean> {
        return this.network.exists(this.address);
    }

    /** nanoTON that claims can take out now. */
    async payable(): Promise<bigint> {
        return (await this.balance()) - (await this.data()).reserve;
    }

    async status(): Promise<bigint> {
        return (await this.data()).status;
    }
}

export const Status = {
    New: BigInt(SessionStatus.New), Opening: BigInt(SessionStatus.Opening),
    Open: BigInt(SessionStatus.Open), Closing: BigInt(SessionStatus.Closing),
};
