import { createHash } from 'node:crypto';
import { Address, Cell, toNano, Transaction } from '@ton/core';
import { Blockchain, SandboxContract, TreasuryContract } from '@ton/sandbox';
import {
    AttestationError,
    Collateral,
    collateralMessages,
    platformMessage,
    Quote,
    quoteMessage,
} from '@ton-compute/attestation';
import {
    AttestationVerifier,
    bigIntToHash,
    errorByCode,
    IntelRootKey,
    P256Key,
    PlatformKey,
    platformKeyDeployment,
    tcbStatusName,
    verifierDeployment,
} from '@ton-compute/contracts';

/** What the command prints. Gas of the contracts' transactions together; null: it did not come so far. */
export type QuoteVerification = {
    verdict: 'accepted' | 'rejected';
    /** Why it was rejected. */
    reason: string | null;
    tcbStatus: string | null;
    /** SHA-256 of MRTD and RTMR0 to RTMR3, hexadecimal. */
    measurement: string | null;
    gas: { verifyQuote: number | null; registerPlatform: number | null; firstQuote: number | null };
};

const Plenty = toNano('3');

/**
 * Sends the real messages to the real contracts on a chain of its own: collateral, the platform with its first quote,
 * then the quote again, as one of a known platform.
 * @param at unix seconds of the chain.
 * @param root the verifier's root key.
 */
export async function verifyOnSandbox(
    quote: Quote,
    collateral: Collateral,
    at: number,
    root: P256Key = IntelRootKey,
): Promise<QuoteVerification> {
    const gas: QuoteVerification['gas'] = { verifyQuote: null, registerPlatform: null, firstQuote: null };
    try {
        return await verify(quote, collateral, at, root, gas);
    } catch (error) {
        // No message can be made of it, for instance because a key is no point of the curve: no contract would accept it.
        if (error instanceof AttestationError) {
            return rejected(error.message, gas);
        }
        throw error;
    }
}

/** @returns what is printed of a quote that is not accepted. */
export function rejected(
    reason: string,
    gas: QuoteVerification['gas'] = { verifyQuote: null, registerPlatform: null, firstQuote: null },
): QuoteVerification {
    return { verdict: 'rejected', reason, tcbStatus: null, measurement: null, gas };
}

async function verify(
    quote: Quote,
    collateral: Collateral,
    at: number,
    root: P256Key,
    gas: QuoteVerification['gas'],
): Promise<QuoteVerification> {
    const run = await Run.create(root, at);
    const [, ...issuers] = quote.certificates;
    const { tcbInfo, qeIdentity, pckCrlIssuerChain } = collateral;
    const roots = [issuers, tcbInfo.issuerChain, qeIdentity.issuerChain, pckCrlIssuerChain].map((chain) => chain[chain.length - 1]);
    if (!pckCrlIssuerChain[0].der.equals(issuers[0].der) || !roots.every(({ der }) => der.equals(roots[0].der))) {
        return rejected('Quote and collateral bring different certificates of the PCK CA or of the root.', gas);
    }
    for (const { name, body } of collateralMessages(collateral, root)) {
        const { failure } = await run.send(body);
        if (failure !== null) {
            return rejected(`${name}: ${failure}`, gas);
        }
    }
    const known = run.chain.snapshot();
    const registration = await run.send(platformMessage(quote).body);
    if (registration.failure !== null) {
        return rejected(`PCK certificate: ${registration.failure}`, gas);
    }
    gas.registerPlatform = registration.gas;
    await run.chain.loadFrom(known);

    gas.firstQuote = (await run.send(platformMessage(quote, { replyTo: run.wallet.address }).body)).gas;
    const platform = await platformKeyDeployment(run.verifier, sha256(quote.certificates[0].signed));
    const contract = run.chain.openContract(PlatformKey.PlatformKey.fromAddress(platform.address));
    const { qeReportHash } = await contract.getPlatformData();
    const request = { replyTo: run.wallet.address, knownQeReport: bigIntToHash(qeReportHash) };
    const verification = await run.send(quoteMessage(quote, request).body, platform.address);
    gas.verifyQuote = verification.gas;
    if (verification.failure !== null || verification.verdict === null) {
        return rejected(verification.failure ?? 'There was no verdict.', gas);
    }
    const verdict = verification.verdict.beginParse();
    if (verdict.preloadUint(32) === AttestationVerifier.AttestationVerifier.opcodes.QuoteRejected) {
        return rejected(describe(Number(AttestationVerifier.loadQuoteRejected(verdict).reason)), gas);
    }
    const { tcbStatus, measurement } = AttestationVerifier.loadQuoteAccepted(verdict);
    return {
        verdict: 'accepted',
        reason: null,
        tcbStatus: tcbStatusName(Number(tcbStatus)),
        measurement: bigIntToHash(measurement).toString('hex'),
        gas,
    };
}

/** A verifier on a chain of its own and a wallet that sends to it. */
class Run {
    private constructor(
        readonly chain: Blockchain,
        readonly wallet: SandboxContract<TreasuryContract>,
        readonly verifier: Address,
    ) {}

    static async create(root: P256Key, at: number): Promise<Run> {
        const chain = await Blockchain.create();
        chain.now = at;
        const wallet = await chain.treasury('sender');
        const { address, init } = await verifierDeployment(root);
        await wallet.send({ to: address, init, value: toNano('1') });
        return new Run(chain, wallet, address);
    }

    /** `verdict`: the message of the verifier that reached the wallet. */
    async send(body: Cell, to = this.verifier): Promise<{ gas: number; failure: string | null; verdict: Cell | null }> {
        const { transactions } = await this.wallet.send({ to, value: Plenty, body, bounce: true });
        const [own] = transactions;
        const contracts = transactions.filter(({ address }) => address !== own.address);
        const failed = contracts.map(exitCodeOf).find((code) => code !== 0);
        const verdict = transactions.find(
            ({ address, inMessage }) =>
                address === own.address &&
                inMessage?.info.type === 'internal' &&
                inMessage.info.src.equals(this.verifier),
        );
        return {
            gas: contracts.reduce((sum, transaction) => sum + gasOf(transaction), 0),
            failure: failed === undefined ? null : describe(failed),
            verdict: verdict?.inMessage?.body ?? null,
        };
    }
}

function computePhaseOf({ description }: Transaction) {
    return description.type === 'generic' && description.computePhase.type === 'vm' ? description.computePhase : null;
}

const gasOf = (transaction: Transaction): number => Number(computePhaseOf(transaction)?.gasUsed ?? 0n);
const exitCodeOf = (transaction: Transaction): number => computePhaseOf(transaction)?.exitCode ?? -1;

function describe(code: number): string {
    const entry = errorByCode(code);
    return entry === undefined ? `exit code ${code}` : `${entry.name}: ${entry.meaning}`;
}

function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}
