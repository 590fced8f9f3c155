import { createHash } from 'node:crypto';
import { Address, Cell, toNano } from '@ton/core';
import { Blockchain, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import {
    Collateral,
    CollateralKind,
    collateralMessages,
    parseCollateral,
    parseQuote,
    platformMessage,
    Quote,
    quoteMessage,
} from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { P256Key, platformKeyDeployment, verifierDeployment } from '../../../wrappers';
import { chainConfig, PriceSet } from '../../../tests/support/prices';
import { Cost, costOf, requireSuccess } from './fees';

/** Operations of the attestation contracts, as COSTS and the issue name them. */
export const AttestationOperations = [
    'verifyQuote',
    'verifyQuoteNewEnclave',
    'registerPlatform',
    'firstQuote',
    'addTcbInfo',
    'addQeIdentity',
    'addCrl',
    'addCertificate',
] as const;
export type AttestationOperation = (typeof AttestationOperations)[number];

/** As many certificates as Intel's list of the Platform CA revoked in February 2026. */
export const RevokedCertificates = 57;

const Plenty = toNano('2');

/**
 * Runs every attestation operation once, under a set of prices, on collateral of the same size as Intel's: TCB info with
 * three levels and two module identities, a revocation list of 57 certificates, a quote of version 5 with a TD 1.5 report.
 */
export async function measureAttestation(prices: PriceSet): Promise<Record<AttestationOperation, Cost>> {
    const authority = new TestAuthority();
    const revoked = Array.from({ length: RevokedCertificates }, (_, index) =>
        BigInt(`0x${createHash('sha256').update(`revoked ${index}`).digest('hex').slice(0, 40)}`),
    );
    const collateral = parseCollateral(authority.collateral({ pckCrl: { revoked } }));
    const quote = parseQuote(authority.platform().quote({ version: 5 }));
    return measureQuote(authority.rootKey, authority.now, collateral, quote, prices);
}

/**
 * @param root the verifier's root key.
 * @param now unix seconds of the chain.
 * @throws Error when an operation fails or the quote is rejected.
 */
export async function measureQuote(
    root: P256Key,
    now: number,
    collateral: Collateral,
    quote: Quote,
    prices: PriceSet,
): Promise<Record<AttestationOperation, Cost>> {
    const chain = await Blockchain.create({ config: chainConfig(prices) });
    chain.now = now;
    const wallet = await chain.treasury('sender');
    const { address: verifier, init } = await verifierDeployment(root);
    await wallet.send({ to: verifier, init, value: toNano('1') });
    const run = (body: Cell, to = verifier) => runOne(wallet, to, body);

    const parts = new Map<CollateralKind, Cost>();
    for (const { kind, body } of collateralMessages(collateral)) {
        parts.set(kind as CollateralKind, await run(body));
    }
    const reply = { replyTo: wallet.address };
    const known = chain.snapshot();
    const firstQuote = await run(platformMessage(quote, reply).body);
    await chain.loadFrom(known);

    const registerPlatform = await run(platformMessage(quote).body);
    const platform = (await platformKeyDeployment(verifier, sha256(quote.certificates[0].signed))).address;
    const verifyQuoteNewEnclave = await run(quoteMessage(quote, reply).body, platform);
    const knownQeReport = sha256(quote.qeReport);
    const verifyQuote = await run(quoteMessage(quote, { ...reply, knownQeReport }).body, platform);
    return {
        verifyQuote,
        verifyQuoteNewEnclave,
        registerPlatform,
        firstQuote,
        addTcbInfo: parts.get('tcb-info')!,
        addQeIdentity: parts.get('qe-identity')!,
        addCrl: parts.get('pck-crl')!,
        addCertificate: parts.get('tcb-signing')!,
    };
}

async function runOne(wallet: SandboxContract<TreasuryContract>, to: Address, body: Cell): Promise<Cost> {
    const { transactions }: SendMessageResult = await wallet.send({ to, value: Plenty, body });
    requireSuccess(transactions, [wallet.address]);
    return costOf(transactions, [wallet.address]);
}

function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}
