import { createHash } from 'node:crypto';
import { Address, beginCell, Cell, toNano, Transaction } from '@ton/core';
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
    KnownCollateral,
    P256Key,
    PlatformKey,
    platformKeyDeployment,
    unpackCollateral,
    verifierDeployment,
} from '../../wrappers';
import { exitCodeOf, gasOf, sendAs } from '../support/chain';
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

/** What the sender of collateral hears: bounced with an exit code, or what a contract answered. */
export type Answer = 'stored' | { bounced: number } | { refused: number } | { remaining: number } | 'nothing';

/** Far more than any operation here costs. */
export const Plenty = toNano('3');

const ContinueCrl = beginCell().storeUint(0x5eaa0021, 32).storeUint(0, 64).endCell();

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
        await sendAs(chain, sender.address, address, toNano('1'), Cell.EMPTY, { init });
        const verifier = chain.openContract(AttestationVerifier.AttestationVerifier.fromAddress(address));
        return new Verification(chain, sender, receiver, verifier);
    }

    get address(): Address {
        return this.verifier.address;
    }

    /** From the sender's wallet, bounceable. */
    send(body: Cell, value = Plenty, to = this.address): Promise<SendMessageResult> {
        return sendAs(this.chain, this.sender.address, to, value, body, { bounce: true });
    }

    /** Sends collateral, or the registration of a platform, and tells what the sender hears. */
    async answer(body: Cell, value = Plenty, to = this.address): Promise<Answer> {
        return this.answerIn(await this.send(body, value, to));
    }

    /** The answer in a result. */
    answerIn({ transactions }: SendMessageResult): Answer {
        const { opcodes } = AttestationVerifier.AttestationVerifier;
        const answers = transactions.flatMap(({ inMessage }): Answer[] => {
            if (inMessage?.info.type !== 'internal' || !inMessage.info.dest.equals(this.sender.address)) {
                return [];
            }
            if (inMessage.info.bounced) {
                return [{ bounced: transactions.map(exitCodeOf).find((code) => code !== 0)! }];
            }
            const body = inMessage.body.beginParse();
            const opcode = body.remainingBits < 32 ? 0 : body.loadUint(32);
            if (opcode === opcodes.CollateralStored) {
                return ['stored'];
            }
            const afterQueryId = body.skip(body.remainingBits < 64 ? 0 : 64);
            if (opcode === opcodes.CollateralRefused) {
                return [{ refused: afterQueryId.loadUint(16) }];
            }
            return opcode === opcodes.CrlAdvanced ? [{ remaining: afterQueryId.loadUint(32) }] : [];
        });
        if (answers.length > 1) {
            throw new Error(`Expected one answer, found ${answers.length}.`);
        }
        return answers[0] ?? 'nothing';
    }

    /** Sends collateral in the order in which it is needed. @throws for a message that fails. */
    async learn(collateral: Collateral): Promise<void> {
        for (const message of collateralMessages(collateral)) {
            await this.learnMessage(message);
        }
    }

    /** @throws unless the collateral is stored. */
    async learnMessage({ name, body }: Pick<NamedMessage, 'name' | 'body'>): Promise<void> {
        const answer = await this.answer(body);
        if (answer !== 'stored') {
            throw new Error(`${name}: ${JSON.stringify(answer)}`);
        }
    }

    /** Pays for the next step of a list. */
    continueList(list: { signed: Buffer }, value = Plenty): Promise<Answer> {
        return this.crlBuilder(list).then((builder) => this.answer(ContinueCrl, value, builder));
    }

    /** What the verifier knows. */
    async known(): Promise<KnownCollateral> {
        return unpackCollateral(await this.verifier.getCollateral());
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
