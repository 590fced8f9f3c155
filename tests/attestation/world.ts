import { createHash } from 'node:crypto';
import { Address, Cell, toNano } from '@ton/core';
import {
    addCertificate, bodyOf, Collateral, collateralMessages, parseCertificate, parseCollateral, parseQuote, P256Key,
    platformMessage, Quote, quoteMessage,
} from '@ton-compute/attestation';
import { TestAuthority, TestNow } from '@ton-compute/attestation/testing';
import { AttestationVerifier, CrlBuilder, PlatformKey, platformKeyDeployment, verifierDeployment } from '../../wrappers';
import { exitCodeOf } from '../support/chain';
import { Ledger, Outcome, Saved } from './ledger';
import { readVerdict, Verdict } from './verification';

/** Accounts without code: they only get messages. */
export const Sender = new Address(0, Buffer.alloc(32, 0x5e));
export const Receiver = new Address(0, Buffer.alloc(32, 0x4e));
export const Stranger = new Address(0, Buffer.alloc(32, 0x57));

export const Plenty = toNano('3');

export const Opcodes = {
    ...PlatformKey.PlatformKey.opcodes,
    ...CrlBuilder.CrlBuilder.opcodes,
    ...AttestationVerifier.AttestationVerifier.opcodes,
};

/** A signed part of a message: where its bytes and its signature are, and whose signature it claims to be. */
export type SignedPart = { chain: readonly number[]; signature: readonly number[]; signer: P256Key };

/** A good message in the state in which it does what it is for. */
export type Stage = {
    name: string;
    kind: 'collateral' | 'platform' | 'quote';
    /** Before the message. */
    before: Saved;
    to: Address;
    body: Cell;
    parts: SignedPart[];
    /** State of the verifier after the message. */
    after: string;
    /** What has to follow until `quote` is accepted: bodies for the verifier. */
    rest: Cell[];
    quote: { to: Address; body: Cell };
    /** The verdict that the good message leads to, in the end. */
    verdict: Verdict;
    /** The verdict on `quote` before the message, if there is one then. */
    verdictBefore: Verdict | null;
};

/** A network on a root of its own, with stages in its life. */
export type World = { name: string; ledger: Ledger; verifier: Address; stages: Stage[] };

export function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}

export async function platformOf(verifier: Address, quote: Quote): Promise<Address> {
    return (await platformKeyDeployment(verifier, sha256(quote.certificates[0].signed))).address;
}

/** The verdicts in an outcome. */
export function verdictsIn(outcome: Outcome, verifier: Address): Verdict[] {
    return outcome.deliveries
        .filter(({ source, body }) => source.equals(verifier) && isVerdict(body))
        .map(({ body }) => readVerdict(body));
}

export function isVerdict(body: Cell): boolean {
    return opcodeOf(body) === Opcodes.QuoteAccepted || opcodeOf(body) === Opcodes.QuoteRejected;
}

export function opcodeOf(body: Cell): number {
    return body.bits.length < 32 ? 0 : body.beginParse().preloadUint(32);
}

/** @throws unless every transaction succeeded. */
export function requireSuccess(outcome: Outcome, what: string): Outcome {
    const failed = outcome.transactions.find((transaction) => exitCodeOf(transaction) !== 0);
    if (failed !== undefined || outcome.deliveries.length !== 1 || outcome.deliveries[0].bounced) {
        throw new Error(`${what}: exit code ${failed && exitCodeOf(failed)}, ${outcome.deliveries.length} messages.`);
    }
    return outcome;
}

export async function deploy(ledger: Ledger, root: P256Key): Promise<Address> {
    const { address, init } = await verifierDeployment(root);
    await ledger.post(Sender, address, toNano('1'), Cell.EMPTY, init);
    return address;
}

function collateralParts(collateral: Collateral): P256Key[] {
    const root = collateral.pckCrlIssuerChain[1].publicKey;
    const signer = collateral.tcbInfo.issuerChain[0].publicKey;
    return [root, root, collateral.pckCrlIssuerChain[0].publicKey, root, signer, signer];
}

const Own = (signer: P256Key): SignedPart => ({ chain: [0], signature: [1], signer });

function quoteParts(quote: Quote, at: readonly number[], withReport: boolean): SignedPart[] {
    const x = BigInt(`0x${quote.attestationKey.subarray(0, 32).toString('hex')}`);
    const y = BigInt(`0x${quote.attestationKey.subarray(32).toString('hex')}`);
    const report = { chain: [...at, 2, 1, 0], signature: [...at, 2, 1, 1], signer: quote.certificates[0].publicKey };
    return [{ chain: [...at, 1], signature: [...at, 2, 0], signer: { x, y } }, ...(withReport ? [report] : [])];
}

/** Stages of a network in the order in which it learns: each begins where the one before ended. */
async function learning(
    ledger: Ledger, verifier: Address, collateral: Collateral, quote: Quote, oneByOne: boolean,
): Promise<Stage[]> {
    const options = { replyTo: Receiver, queryId: 77n, context: new Cell() };
    const to = await platformOf(verifier, quote);
    const messages = [...collateralMessages(collateral), platformMessage(quote, options)];
    const keys = [...collateralParts(collateral), quote.certificates[1].publicKey];
    const body = quoteMessage(quote, options).body;
    const found: Omit<Stage, 'verdict' | 'verdictBefore'>[] = [];
    for (const [index, message] of messages.entries()) {
        const before = ledger.save();
        requireSuccess(await ledger.post(Sender, verifier, Plenty, message.body), message.name);
        const platform = message.kind === 'platform';
        found.push({
            name: message.name, kind: platform ? 'platform' : 'collateral', before, to: verifier, body: message.body,
            parts: [Own(keys[index]), ...(platform ? quoteParts(quote, [2], true) : [])],
            after: ledger.stateOf(verifier), rest: messages.slice(index + 1).map((next) => next.body), quote: { to, body },
        });
    }
    const before = ledger.save();
    const outcome = requireSuccess(await ledger.post(Sender, to, Plenty, body), 'quote');
    const [verdict] = verdictsIn(outcome, verifier);
    const known = quoteMessage(quote, { ...options, knownQeReport: sha256(quote.qeReport) }).body;
    for (const [name, variant] of [['quote', body], ['quote without its QE report', known]] as const) {
        found.push({
            name, kind: 'quote', before, to, body: variant, parts: quoteParts(quote, [], variant === body),
            after: ledger.stateOf(verifier), rest: [], quote: { to, body },
        });
    }
    return found
        .filter(({ kind }) => oneByOne || kind !== 'collateral')
        .map((stage) => ({ ...stage, verdict, verdictBefore: stage.kind === 'quote' ? verdict : null }));
}

/** A network on real collateral that learns it piece by piece. */
export async function realWorld(name: string, now: number, collateral: Collateral, quote: Quote): Promise<World> {
    const ledger = await Ledger.create(now);
    const verifier = await deploy(ledger, collateral.pckCrlIssuerChain[1].publicKey);
    return { name, ledger, verifier, stages: await learning(ledger, verifier, collateral, quote, true) };
}

/** The same seed with a later clock: the same keys, newer collateral. */
export function laterCollateral(authority: TestAuthority, seconds: number) {
    const later = new TestAuthority({ seed: authority.seed, now: authority.now + seconds });
    const { notBefore, notAfter, serial } = parseCertificate(authority.platformCa.certificate);
    const pckCa = later.issue('Intel SGX PCK Platform CA', 'platform CA', later.root, {
        notBefore: notBefore + seconds, notAfter, serial, keyUsage: 0x06, basicConstraints: { ca: true, pathLength: 0 },
    });
    return { later, collateral: later.collateral({ pckCa }) };
}

/**
 * A network on the test authority that knows everything, both CAs too, with machines of both; each newer piece of
 * collateral is a stage.
 */
export async function ownWorld(): Promise<World & { authority: TestAuthority; ready: Saved }> {
    const authority = new TestAuthority();
    const ledger = await Ledger.create(TestNow);
    const verifier = await deploy(ledger, authority.rootKey);
    const collateral = parseCollateral(authority.collateral());
    const processor = parseCollateral(authority.collateral({ ca: 'processor' }));
    const [, ca, crl] = collateralMessages(processor);
    const quotes = [
        parseQuote(authority.platform().quote()),
        parseQuote(authority.platform({ name: 'second' }).quote({ version: 5, authData: Buffer.alloc(150, 7) })),
        parseQuote(authority.platform({ name: 'third' }).quote({ version: 5, bodyType: 2 })),
    ];
    const stages = await learning(ledger, verifier, collateral, quotes[0], false);
    const single = parseQuote(authority.platform({ name: 'single', ca: 'processor' }).quote());
    for (const body of [ca.body, crl.body]) {
        requireSuccess(await ledger.post(Sender, verifier, Plenty, body), 'processor CA');
    }
    for (const quote of [...quotes.slice(1), single]) {
        stages.push(...(await learningOfQuote(ledger, verifier, quote)));
    }
    const ready = ledger.save();
    const { later, collateral: newer } = laterCollateral(authority, 3_600);
    const last = stages[1];
    const newerCollateral = parseCollateral(newer);
    const keys = collateralParts(newerCollateral);
    const more = collateralMessages(newerCollateral).map(({ name, body }, index) => ({ name, body, signer: keys[index] }));
    const manyRevoked = { revoked: Array.from({ length: 120 }, (_, index) => 10n ** 44n + BigInt(index) ** 15n) };
    const long = parseCollateral(later.collateral({ pckCrl: manyRevoked }));
    more.push({ ...more[2], name: 'revocation list with entries', body: collateralMessages(long)[2].body });
    const signer = parseCertificate(later.processorCa.certificate);
    const processorNewer = later.issue('Intel SGX PCK Processor CA', 'processor CA', later.root, {
        notBefore: signer.notBefore + 1, notAfter: signer.notAfter, keyUsage: 0x06, basicConstraints: { ca: true, pathLength: 0 },
    });
    more.push({
        name: 'certificate of "Intel SGX PCK Processor CA"', signer: authority.rootKey,
        body: bodyOf(addCertificate(parseCertificate(processorNewer.certificate), authority.rootKey)),
    });
    for (const { name, body, signer: key } of more) {
        ledger.restore(ready);
        requireSuccess(await ledger.post(Sender, verifier, Plenty, body), name);
        const after = ledger.stateOf(verifier);
        const [verdict] = verdictsIn(await ledger.post(Sender, last.quote.to, Plenty, last.quote.body), verifier);
        stages.push({
            name: `newer ${name}`, kind: 'collateral', before: ready, to: verifier, body, parts: [Own(key)], after, rest: [],
            quote: last.quote, verdict, verdictBefore: last.verdict,
        });
    }
    ledger.restore(ready);
    return { name: 'test authority', ledger, verifier, stages, authority, ready };
}

async function learningOfQuote(ledger: Ledger, verifier: Address, quote: Quote): Promise<Stage[]> {
    const options = { replyTo: Receiver, queryId: 78n, context: new Cell() };
    const to = await platformOf(verifier, quote);
    const message = platformMessage(quote, options);
    const body = quoteMessage(quote, options).body;
    const before = ledger.save();
    const [verdict] = verdictsIn(requireSuccess(await ledger.post(Sender, verifier, Plenty, message.body), message.name), verifier);
    const after = ledger.stateOf(verifier);
    const common = { after, quote: { to, body }, verdict };
    return [
        {
            ...common, name: message.name, kind: 'platform', before, to: verifier, body: message.body, rest: [],
            parts: [Own(quote.certificates[1].publicKey), ...quoteParts(quote, [2], true)], verdictBefore: null,
        },
        {
            ...common, name: 'quote', kind: 'quote', before: ledger.save(), to, body, rest: [],
            parts: quoteParts(quote, [], true), verdictBefore: verdict,
        },
    ];
}
