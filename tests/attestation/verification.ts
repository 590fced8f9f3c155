import { createHash } from 'node:crypto';
import { Address, Cell, toNano, Transaction } from '@ton/core';
import { Blockchain, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    Collateral,
    collateralMessages,
    NamedMessage,
    platformMessage,
    Quote,
    quoteMessage,
    QuoteOptions,
} from '@ton-compute/attestation';
import {
    AttestationVerifier,
    crlBuilderDeployment,
    P256Key,
    PlatformKey,
    platformKeyDeployment,
    verifierDeployment,
} from '../../wrappers';
import { exitCodeOf, gasOf } from '../support/chain';
import { chainConfig, PriceSet } from '../support/prices';

/** What a verdict says. */
export type Verdict =
    | {
          accepted: true;
          queryId: bigint;
          payer: bigint;
          expiry: number;
          tcbStatus: number;
          evaluationNumber: number;
          measurement: Buffer;
          machineId: Buffer;
          reportData: Buffer;
          context: Cell;
      }
    | { accepted: false; queryId: bigint; payer: bigint; reason: number; context: Cell };

/** Far more than any operation here costs. */
const Plenty = toNano('3');

/** A verifier on a chain of its own, and whoever sends to it. */
export class Verification {
    private constructor(
        readonly chain: Blockchain,
        readonly sender: SandboxContract<TreasuryContract>,
        /** Who gets the verdicts. */
        readonly receiver: SandboxContract<TreasuryContract>,
        readonly verifier: SandboxContract<AttestationVerifier.AttestationVerifier>,
    ) {}

    /** @param now unix seconds. */
    static async create(root: P256Key, now: number, prices: PriceSet = '2026'): Promise<Verification> {
        const chain = await Blockchain.create({ config: chainConfig(prices) });
        chain.now = now;
        const sender = await chain.treasury('sender');
        const receiver = await chain.treasury('receiver');
        const { address, init } = await verifierDeployment(root);
        await sender.send({ to: address, init, value: toNano('1') });
        const verifier = chain.openContract(AttestationVerifier.AttestationVerifier.fromAddress(address));
        return new Verification(chain, sender, receiver, verifier);
    }

    get address(): Address {
        return this.verifier.address;
    }

    send(body: Cell, value = Plenty, to = this.address): Promise<SendMessageResult> {
        return this.sender.send({ to, value, body, bounce: true });
    }

    /** Sends collateral in the order in which it is needed. @throws for a message that fails. */
    async learn(collateral: Collateral): Promise<void> {
        for (const message of collateralMessages(collateral)) {
            await this.learnMessage(message);
        }
    }

    async learnMessage({ name, body }: NamedMessage): Promise<void> {
        const result = await this.send(body);
        const failed = result.transactions.find((transaction) => (exitCodeOf(transaction) ?? 0) !== 0);
        if (failed !== undefined && failed.inMessage?.info.type === 'internal' && !failed.inMessage.info.bounced) {
            throw new Error(`${name}: exit code ${exitCodeOf(failed)}.`);
        }
    }

    /** Registers the machine of a quote. */
    register(quote: Quote, first?: Partial<QuoteOptions>): Promise<SendMessageResult> {
        return this.send(platformMessage(quote, first && { replyTo: this.receiver.address, ...first }).body);
    }

    async platformOf(quote: Quote): Promise<SandboxContract<PlatformKey.PlatformKey>> {
        const hash = sha256(quote.certificates[0].signed);
        const { address } = await platformKeyDeployment(this.address, hash);
        return this.chain.openContract(PlatformKey.PlatformKey.fromAddress(address));
    }

    async crlBuilder(list: { signed: Buffer }): Promise<Address> {
        return (await crlBuilderDeployment(this.address, sha256(list.signed))).address;
    }

    /** Has the PlatformKey of its machine verify a quote. */
    async verify(quote: Quote, options: Partial<QuoteOptions> = {}, value = Plenty): Promise<SendMessageResult> {
        const { body } = quoteMessage(quote, { replyTo: this.receiver.address, ...options });
        return this.send(body, value, (await this.platformOf(quote)).address);
    }

    /** The verdict on a quote whose machine is registered. */
    async verdictOn(quote: Quote, options: Partial<QuoteOptions> = {}): Promise<Verdict> {
        return this.verdictIn(await this.verify(quote, options));
    }

    /** The one verdict that reached the receiver. */
    verdictIn(result: SendMessageResult): Verdict {
        const verdicts = result.transactions.filter(
            ({ inMessage }) =>
                inMessage?.info.type === 'internal' &&
                inMessage.info.src.equals(this.address) &&
                inMessage.info.dest.equals(this.receiver.address),
        );
        if (verdicts.length !== 1) {
            throw new Error(`Expected one verdict, found ${verdicts.length}: ${describe(result.transactions)}`);
        }
        return readVerdict(verdicts[0].inMessage!.body);
    }
}

export function readVerdict(body: Cell): Verdict {
    const opcode = body.beginParse().preloadUint(32);
    if (opcode === AttestationVerifier.AttestationVerifier.opcodes.QuoteAccepted) {
        const verdict = AttestationVerifier.loadQuoteAccepted(body.beginParse());
        return {
            accepted: true,
            queryId: verdict.queryId,
            payer: verdict.payer,
            expiry: Number(verdict.expiry),
            tcbStatus: Number(verdict.tcbStatus),
            evaluationNumber: Number(verdict.evaluationNumber),
            measurement: bytes32(verdict.measurement),
            machineId: bytes32(verdict.machineId),
            reportData: verdict.reportData.beginParse().loadBuffer(64),
            context: verdict.context,
        };
    }
    const { queryId, payer, reason, context } = AttestationVerifier.loadQuoteRejected(body.beginParse());
    return { accepted: false, queryId, payer, reason: Number(reason), context };
}

/** Gas of the contracts under test in a result: of everything but the wallets'. */
export function contractGas(verification: Verification, result: { transactions: Transaction[] }): bigint {
    const wallets = [verification.sender.address, verification.receiver.address].map(({ hash }) =>
        BigInt(`0x${hash.toString('hex')}`),
    );
    return result.transactions
        .filter(({ address }) => !wallets.includes(address))
        .reduce((sum, transaction) => sum + gasOf(transaction), 0n);
}

function describe(transactions: Transaction[]): string {
    return transactions.map((transaction) => `exit code ${exitCodeOf(transaction)}`).join(', ');
}

function bytes32(value: bigint): Buffer {
    return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}

function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}
