import { p256 } from '@noble/curves/p256';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import {
    addCertificate, addCrl, addQeIdentity, addTcbInfo, bodyOf, bytesToNumber, collateralMessages, CommonName, numberToBytes, P256Key,
    parseCertificate, parseCollateral, parseCrl, parseQuote, platformMessage, quoteMessage, registerPlatform, signatureCell,
} from '@ton-compute/attestation';
import { Issued, keyPair, KeyPair, signWith, TestAuthority, TestNow } from '@ton-compute/attestation/testing';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { realCollateral, realQuote, realQuotes } from '../../attestation/tests/support/vectors';
import { PlatformKey } from '../../wrappers';
import { exitCodeOf } from '../support/chain';
import { Outcome } from './ledger';
import { bitsOf, cellAt, fromBits, Random, replaced, TreeMutation, TreeMutations } from './mutate';
import { Verdict } from './verification';
import {
    deploy, laterCollateral, opcodeOf, Opcodes, ownWorld, platformOf, Plenty, realWorld, Receiver, requireSuccess, Sender,
    SignedPart, Stage, Stranger, verdictsIn, World,
} from './world';

// Tens of thousands of messages: cells are hashed by the machine, not in JavaScript.

// Random changes of good messages. Whatever is changed: nothing is accepted that the message itself would not have
// brought about, each message is answered once, coins are neither made nor lost, and the good message still works.
//
// A change may go unnoticed where nothing is signed and nothing is read from it: an identifier of the sender's own, a
// context, a reference that no reader follows, another cut of the same bytes, a hint's or a signature's other spelling
// (n - s for s). Then what comes of it must be, field by field, what comes of the original.

const Count = Number(process.env.ATTESTATION_MUTATIONS ?? 2_000);
const Seed = Number(process.env.ATTESTATION_SEED ?? 20_260_301);
/** Where to begin: to repeat one mutation, its index, with a count of 1. */
const FirstIndex = Number(process.env.ATTESTATION_INDEX ?? 0);
const Order = p256.CURVE.n;
/** nanoTON that a message may cost at most, fees of all that it leads to, at the prices of 2026. */
const MostFees = toNano('0.08');
/** nanoTON that contracts may keep of a message: their rent reserves. */
const MostKept = toNano('0.06');
/** nanoTON of which nothing is left once a message has been carried back. */
const LeastAnswer = 100_000n;

const Thief = keyPair('mutations', 'thief');

type Mutation = { name: string; body: Cell };

/** Cells of a chain in the order in which the contracts hash them; `paged`: with pages. */
function* cellsOf(chain: Cell, paged: boolean): Generator<Cell> {
    let follows: Cell | undefined;
    for (let cell: Cell | undefined = chain; cell !== undefined; ) {
        yield cell;
        const [next, afterwards]: Cell[] = cell.refs;
        if (paged && afterwards !== undefined) {
            follows = afterwards;
        }
        if (next === undefined) {
            [cell, follows] = [follows, undefined];
        } else {
            cell = next;
        }
    }
}

/** What is signed: cells may end within a byte. */
function signedBytes(chain: Cell, paged: boolean): Buffer {
    const cells = [...cellsOf(chain, paged)];
    if (cells.every(({ bits }) => bits.length % 8 === 0)) {
        return Buffer.concat(cells.map((cell) => cell.beginParse().loadBuffer(cell.bits.length / 8)));
    }
    const bits = cells.flatMap(bitsOf);
    return Buffer.from(Array.from({ length: Math.floor(bits.length / 8) }, (_, byte) =>
        bits.slice(8 * byte, 8 * byte + 8).reduce((value, bit) => 2 * value + Number(bit), 0)));
}

/** Changes the bytes of a signed part and does what a signer, or somebody who claims to be it, would do then. */
function resigned(stage: Stage, part: SignedPart, random: Random, change: TreeMutation, strangers: readonly Cell[]): Mutation | null {
    const chain = random.chance(3) ? cellAt(stage.body, part.chain) : change(cellAt(stage.body, part.chain), random, strangers);
    const bytes = signedBytes(chain, opcodeOf(stage.body) === Opcodes.AddCrl);
    const rs = cellAt(stage.body, part.signature).beginParse().loadBuffer(64);
    const other = random.pick([Thief, ...Insiders]);
    const [name, signature, hintFor] = random.pick([
        ['the old signature, its hint anew', rs, part.signer],
        ["a stranger's signature in the signer's name", signWith(other, bytes).raw, part.signer],
        ["a stranger's signature, hinted as such", signWith(other, bytes).raw, other.publicKey],
        ['a random signature', random.bytes(64), part.signer],
    ] as const);
    if (sameKeyAs(other, part) && name !== 'the old signature, its hint anew') {
        return null;
    }
    try {
        const signed = replaced(stage.body, part.signature, () => signatureCell(bytes, signature, hintFor));
        return { name, body: replaced(signed, part.chain, () => chain) };
    } catch {
        return null; // no hint exists
    }
}

/** Keys that are good for something else. */
let Insiders: KeyPair[] = [];

function sameKeyAs(pair: KeyPair, part: SignedPart): boolean {
    return pair.publicKey.x === part.signer.x;
}

/** Changes of the numbers of a signature and its hint. */
function otherSignature(stage: Stage, part: SignedPart, random: Random): Mutation {
    const cell = cellAt(stage.body, part.signature);
    const slice = cell.beginParse();
    const hint = slice.loadRef().beginParse();
    const [r, s] = [slice.loadUintBig(256), slice.loadUintBig(256)];
    const numbers = [r, s, hint.loadUintBig(256), hint.loadUintBig(256), hint.loadUintBig(256)];
    const which = random.below(5);
    const value = numbers[which];
    const special = [0n, 1n, Order, Order - 1n, Order - value, value + 1n, value - 1n, p256.Point.Fp.ORDER, part.signer.x, part.signer.y, (1n << 256n) - 1n];
    const chosen = random.pick(special);
    numbers[which] = chosen < 0n || chosen >> 256n !== 0n ? 2n : chosen;
    const [newR, newS, ...hints] = numbers;
    const store = (values: readonly bigint[]) => values.reduce((builder, number) => builder.storeUint(number, 256), beginCell());
    const changed = store([newR, newS]).storeRef(store(hints).endCell()).endCell();
    return { name: `number ${which} of a signature`, body: replaced(stage.body, part.signature, () => changed) };
}

/** The quote signed by somebody who puts his own key in the place of the attestation key. */
function otherAttestationKey(stage: Stage, random: Random): Mutation | null {
    const quote = stage.parts.find(({ signature }) => signature[signature.length - 1] === 0);
    if (quote === undefined || stage.kind === 'collateral') {
        return null;
    }
    const at = quote.signature.slice(0, -1);
    const thief = random.pick([Thief, ...Insiders]);
    const bytes = signedBytes(cellAt(stage.body, quote.chain), false);
    const signature = signatureCell(bytes, signWith(thief, bytes).raw, thief.publicKey);
    const body = replaced(replaced(stage.body, quote.signature, () => signature), at, (evidence) => {
        const bits = bitsOf(evidence);
        const key = [thief.publicKey.x, thief.publicKey.y].flatMap((number) =>
            [...numberToBytes(number)].flatMap((byte) => Array.from({ length: 8 }, (_, bit) => ((byte >> (7 - bit)) & 1) === 1)),
        );
        return fromBits([bits[0], ...key, ...bits.slice(513)], evidence.refs);
    });
    return { name: 'another attestation key', body };
}

function mutationOf(stage: Stage, random: Random, strangers: readonly Cell[]): Mutation | null {
    const [name, change] = random.pick(Object.entries(TreeMutations));
    const part = random.pick(stage.parts);
    switch (random.below(10)) {
        case 0:
        case 1: {
            const mutation = resigned(stage, part, random, change, strangers);
            return mutation && { ...mutation, name: `${name}; ${mutation.name}` };
        }
        case 2:
            return otherSignature(stage, part, random);
        case 3:
            return otherAttestationKey(stage, random);
        case 4: {
            const opcode = random.pick(Object.values(Opcodes));
            const bits = bitsOf(stage.body);
            const head = Array.from({ length: 32 }, (_, bit) => ((opcode >>> (31 - bit)) & 1) === 1);
            return { name: `opcode ${opcode.toString(16)}`, body: fromBits([...head, ...bits.slice(32)], stage.body.refs) };
        }
        case 5: {
            const twice = random.pick(Object.entries(TreeMutations));
            return { name: `${name}, ${twice[0]}`, body: twice[1](change(stage.body, random, strangers), random, strangers) };
        }
        default:
            return { name, body: change(stage.body, random, strangers) };
    }
}

/** All that an outcome was, for a failure's message. */
function told(outcome: Outcome): string {
    const steps = outcome.transactions.map((transaction) => exitCodeOf(transaction));
    const left = outcome.deliveries.map(
        ({ body, value, bounced }) => `${bounced ? 'bounced ' : ''}${opcodeOf(body).toString(16)} with ${value}`,
    );
    return `exit codes ${steps.join(', ')}; left: ${left.join(', ') || 'nothing'}; fees ${outcome.fees}, kept ${outcome.kept}`;
}

function requireThat(condition: boolean, problem: string): void {
    if (!condition) {
        throw new Error(problem);
    }
}

/** (c) Nothing is made or lost; whoever paid gets the rest back or hands it on with the verdict. */
function requireCoins(outcome: Outcome, value: bigint): void {
    const delivered = outcome.deliveries.reduce((sum, delivery) => sum + delivery.value, 0n);
    requireThat(delivered + outcome.fees + outcome.kept === value, `coins do not add up: ${told(outcome)}`);
    requireThat(outcome.fees <= MostFees, `fees too high: ${told(outcome)}`);
    requireThat(outcome.kept <= MostKept, `coins stay behind: ${told(outcome)}`);
}

/** (a) One answer, no silence. */
function requireAnswer(outcome: Outcome): void {
    requireThat(outcome.deliveries.length === 1, `${outcome.deliveries.length} answers: ${told(outcome)}`);
}

function sameVerdict(found: Verdict, expected: Verdict): boolean {
    return (
        found.accepted && expected.accepted && found.queryId === expected.queryId && found.payer === expected.payer &&
        found.expiry === expected.expiry && found.tcbStatus === expected.tcbStatus &&
        found.evaluationNumber === expected.evaluationNumber && found.measurement.equals(expected.measurement) &&
        found.machineId.equals(expected.machineId) && found.reportData.equals(expected.reportData) &&
        found.context.equals(expected.context)
    );
}

/** A verdict that accepts must be the good one, but for what the sender may choose: it has to be as it was sent. */
function requireVerdict(found: Verdict, stage: Stage, sent: Cell): void {
    if (!found.accepted) {
        return;
    }
    const request = PlatformKey.loadQuoteRequest(
        (stage.kind === 'platform' ? cellAt(sent, [2, 0]) : sent.refs[0]).beginParse(),
    );
    const { queryId, context } = request;
    requireThat(
        stage.verdict.accepted && sameVerdict(found, { ...stage.verdict, queryId, context }),
        'a quote is accepted as another than it is',
    );
}

/** What is stored comes from the same bytes, with the same signature up to the sign of s. */
function requireSameSigned(stage: Stage, sent: Cell): void {
    const read = (body: Cell) => signedBytes(body.refs[0], opcodeOf(stage.body) === Opcodes.AddCrl);
    requireThat(opcodeOf(sent) === opcodeOf(stage.body), 'another operation stored it');
    requireThat(read(sent).equals(read(stage.body)), 'other bytes are accepted');
    const [mine, good] = [sent.refs[1], stage.body.refs[1]].map((cell) => cell.beginParse().loadBuffer(64));
    const s = [mine, good].map((rs) => bytesToNumber(rs.subarray(32)));
    requireThat(mine.subarray(0, 32).equals(good.subarray(0, 32)), 'another r is accepted');
    requireThat(s[0] === s[1] || s[0] === Order - s[1], 'another s is accepted');
}

/** (b) The good message still does what it did, and in the end the good quote is accepted. */
async function requireNotStuck({ ledger, verifier }: World, stage: Stage): Promise<void> {
    const again = async (to: Address, body: Cell) => {
        const outcome = await ledger.post(Sender, to, Plenty, body);
        requireThat(outcome.deliveries.length === 1 && !outcome.deliveries[0].bounced, `stuck: ${told(outcome)}`);
        requireCoins(outcome, Plenty);
        return outcome;
    };
    const good = async (expected: Verdict) => {
        const [verdict] = verdictsIn(await again(stage.quote.to, stage.quote.body), verifier);
        requireThat(
            verdict !== undefined && expected.accepted && sameVerdict(verdict, { ...expected, queryId: verdict.queryId }),
            `the good quote has another verdict: ${verdict && !verdict.accepted ? verdict.reason : 'accepted'}`,
        );
    };
    if (stage.verdictBefore !== null && ledger.stateOf(verifier) !== stage.after) {
        await good(stage.verdictBefore);
    }
    if (stage.kind !== 'collateral' || ledger.stateOf(verifier) !== stage.after) {
        await again(stage.to, stage.body);
    }
    requireThat(ledger.stateOf(verifier) === stage.after, 'the good message stores something else');
    for (const body of stage.rest) {
        await again(verifier, body);
    }
    await good(stage.verdict);
}

type Counts = Map<string, number>;

async function attempt(world: World, stage: Stage, { body }: Mutation, random: Random, counts: Counts): Promise<void> {
    const { ledger, verifier } = world;
    ledger.restore(stage.before);
    const data = ledger.stateOf(verifier);
    const platform = ledger.stateOf(stage.quote.to);
    const value = random.chance(8) ? BigInt(random.below(60_000_000)) : Plenty;
    const outcome = await ledger.post(Sender, stage.to, value, body);
    if (opcodeOf(body) === 0 && outcome.deliveries.length === 0) {
        // A message without an operation adds to the rent reserve: not even a changed one of ours.
        requireThat(ledger.stateOf(verifier) === data && ledger.stateOf(stage.quote.to) === platform, 'a gift changes something');
        count(counts, 'a gift');
        return;
    }
    if (outcome.deliveries.length === 0 && value - outcome.fees < LeastAnswer) {
        requireThat(ledger.stateOf(verifier) === data && ledger.stateOf(stage.quote.to) === platform, 'for nothing something changes');
        count(counts, 'too little to send back');
        return;
    }
    requireAnswer(outcome);
    requireCoins(outcome, value);
    const verdicts = verdictsIn(outcome, verifier);
    verdicts.forEach((verdict) => requireVerdict(verdict, stage, body));
    const after = ledger.stateOf(verifier);
    const stored = after !== data;
    if (stored) {
        requireThat(after === stage.after, 'the verifier stores something else');
        requireSameSigned(stage, body);
    }
    const accepted = verdicts.some((verdict) => verdict.accepted);
    const platformChanged = platform !== ledger.stateOf(stage.quote.to);
    count(counts, accepted || stored ? 'harmless, same result' : outcome.deliveries[0].bounced ? 'bounced' : verdicts.length > 0 ? 'rejected' : 'other');
    if (stored || accepted || platformChanged || random.chance(25)) {
        await requireNotStuck(world, stage);
    }
}

function count(counts: Counts, what: string): void {
    counts.set(what, (counts.get(what) ?? 0) + 1);
}

describe('Random changes of good messages', () => {
    const present = existsSync(join(__dirname, '..', '..', '..', 'shared', 'vectors'));
    let worlds: World[];
    let strangers: Cell[];

    beforeAll(async () => {
        const own = await ownWorld();
        worlds = [own];
        Insiders = [
            own.authority.platformCa.key, own.authority.processorCa.key, own.authority.tcbSigner.key,
            own.authority.platform().pck.key, own.authority.platform().attestationKey,
        ];
        if (present) {
            for (const real of realQuotes.filter(({ name }) => !name.includes('outdated'))) {
                worlds.push(await realWorld(real.name, real.now, realCollateral(real.collateral), realQuote(real)));
            }
        } else {
            console.warn('There are no real quotes at ../shared/vectors: only those of the test authority are changed.');
        }
        strangers = [Cell.EMPTY, ...worlds.flatMap(({ stages }) => stages.flatMap(({ body }) => branches(body)))];
    }, 120_000);

    it(`${Count} of them: nothing wrong is accepted, nothing is lost, nothing is stuck`, async () => {
        const counts: Counts = new Map();
        const failures: string[] = [];
        for (let index = FirstIndex; index < FirstIndex + Count; index += 1) {
            const random = new Random(Seed, index);
            const world = worlds[random.below(worlds.length + 3) % worlds.length];
            const stage = random.pick(world.stages);
            let mutation: Mutation | null = null;
            while (mutation === null || mutation.body.equals(stage.body)) {
                mutation = mutationOf(stage, random, strangers);
            }
            try {
                await attempt(world, stage, mutation, random, counts);
            } catch (error) {
                failures.push(
                    `ATTESTATION_SEED=${Seed}, mutation ${index}: ${world.name}, ${stage.name}, ${mutation.name}: ${(error as Error).message}`,
                );
            }
        }
        expect(failures).toEqual([]);
        if (process.env.ATTESTATION_MUTATIONS !== undefined) {
            console.info(Object.fromEntries(counts));
        }
    }, 3_600_000);
});

// Objects that are whole and rightly signed, by somebody who may not sign them, for another role, or for another time; in
// any order. None leaves a trace, and what is right still works afterwards.

const Lives = Math.ceil(Count / 80);
const Now = TestNow;
const Future = { notBefore: Now + 1, notAfter: Now + 86_400 };
const Past = { notBefore: Now - 86_400, notAfter: Now - 1 };

type Piece = { name: string; body: Cell };

function asOperation(opcode: number, body: Cell): Cell {
    return fromBits([...bitsOf(beginCell().storeUint(opcode, 32).endCell()), ...bitsOf(body).slice(32)], body.refs);
}

/** A piece that must be refused by a verifier that knows everything and is a year old at most. */
function wrongPiece(random: Random, own: TestAuthority, intruder: TestAuthority): Piece {
    const later = new TestAuthority({ seed: own.seed, now: Now + 3_600 });
    const ca = { keyUsage: 0x06, basicConstraints: { ca: true, pathLength: 0 } };
    const leaf = { keyUsage: 0xc0, basicConstraints: { ca: false, pathLength: null } };
    const names = Object.values(CommonName);
    const insiders = [own.platformCa, own.processorCa, own.tcbSigner, own.platform().pck];
    const newer = { notBefore: Now - 10, notAfter: Now + 86_400 };
    const certificate = (issued: Issued, hintFor: P256Key) => bodyOf(addCertificate(parseCertificate(issued.certificate), hintFor));
    const list = (issuer: Issued, fields: object, hintFor: P256Key) =>
        bodyOf(addCrl(parseCrl(later.crl(issuer, 30, { thisUpdate: Now - 5, ...fields })), hintFor));
    const dates = random.chance(2) ? Future : Past;
    const signer = random.pick([own.root, ...insiders.filter((each) => each !== own.tcbSigner), intruder.tcbSigner]);
    const text = { issueDate: Now - 5, signer: signer.key };
    const pieces: (() => Piece)[] = [
        () => {
            const issuer = random.pick([...insiders, intruder.root]);
            const fields = { ...newer, ...random.pick([ca, leaf]), issuer: CommonName.root };
            const subject = random.pick([CommonName.platformCa, CommonName.processorCa, CommonName.tcbSigning]);
            const issued = own.issue(subject, 'usurper', issuer, fields);
            return { name: `certificate of "${subject}" by another than the root`, body: certificate(issued, random.pick([own.rootKey, issuer.key.publicKey])) };
        },
        () => {
            const name = random.pick([...names, 'Intel SGX TCB Signing ', 'Intel SGX TCB', 'x']);
            const right = name === CommonName.tcbSigning ? leaf : ca;
            const known = [CommonName.platformCa, CommonName.processorCa, CommonName.tcbSigning].includes(name as never);
            const constraints = known ? random.pick([right === ca ? leaf : ca, { ...right, basicConstraints: null }, { ...right, basicConstraints: { ca: true, pathLength: 1 } }, { ...right, basicConstraints: { ca: true, pathLength: null } }]) : right;
            return { name: `certificate of "${name}" with other constraints`, body: certificate(own.issue(name, 'usurper', own.root, { ...newer, ...constraints }), own.rootKey) };
        },
        () => {
            const [name, constraints] = random.pick([[CommonName.platformCa, ca], [CommonName.tcbSigning, leaf]] as const);
            return { name: `certificate of "${name}" at another time`, body: certificate(own.issue(name, 'other time', own.root, { ...constraints, ...dates }), own.rootKey) };
        },
        () => {
            const claimed = random.pick([own.root, own.platformCa, own.processorCa]);
            const by = random.pick([own.root, ...insiders, intruder.root, intruder.platformCa].filter((each) => each !== claimed));
            return { name: `list of "${claimed.commonName}" by "${by.commonName}"`, body: list(claimed, { signer: by.key }, random.pick([claimed, by]).key.publicKey) };
        },
        () => {
            const issuer = random.pick([own.root, own.platformCa, own.processorCa]);
            const when = random.chance(2) ? { thisUpdate: Now + 1 } : { nextUpdate: Now - 1 };
            return { name: `list of "${issuer.commonName}" at another time`, body: list(issuer, when, issuer.key.publicKey) };
        },
        () => {
            const issuer = random.pick([own.tcbSigner, own.platform().pck]);
            return { name: `list of "${issuer.commonName}"`, body: list(issuer, {}, issuer.key.publicKey) };
        },
        () => ({ name: `TCB info by "${signer.commonName}"`, body: bodyOf(addTcbInfo(own.tcbInfo(text), random.pick([signer, own.tcbSigner]).key.publicKey)) }),
        () => ({ name: `QE identity by "${signer.commonName}"`, body: bodyOf(addQeIdentity(own.qeIdentity(text), random.pick([signer, own.tcbSigner]).key.publicKey)) }),
        () => {
            const when = random.pick([{ issueDate: Now + 1 }, { issueDate: Now - 5, nextUpdate: Now - 1 }, { issueDate: Now - 2 * 86_400 }, { issueDate: Now - 5, evaluationNumber: 17 }]);
            const body = random.chance(2) ? bodyOf(addTcbInfo(own.tcbInfo(when), own.tcbSigner.key.publicKey)) : bodyOf(addQeIdentity(own.qeIdentity(when), own.tcbSigner.key.publicKey));
            return { name: 'a text of another time', body };
        },
        () => {
            const good = collateralMessages(parseCollateral(later.collateral({ rootCrl: { thisUpdate: Now - 5 }, pckCrl: { thisUpdate: Now - 5 } })));
            const [from, as] = random.shuffled(good);
            const opcode = opcodeOf(as.body) === opcodeOf(from.body) ? Opcodes.RegisterPlatform : opcodeOf(as.body);
            return { name: `${from.name} as ${as.name}`, body: asOperation(opcode, from.body) };
        },
        () => {
            const { body } = random.pick(collateralMessages(parseCollateral(intruder.collateral())));
            return { name: 'a piece from another root', body };
        },
        () => {
            const opcode = random.pick([Opcodes.CrlBuilt, Opcodes.QuoteChecked, Opcodes.InitialisePlatform, Opcodes.StartCrl, Opcodes.ContinueCrl]);
            const fill = (bits: number) => beginCell().storeBuffer(random.bytes(bits / 8)).endCell();
            const body = beginCell().storeUint(opcode, 32).storeBuffer(random.bytes(8 + 32 + 32)).storeRef(fill(232)).storeRef(fill(512)).endCell();
            return { name: `an inner message ${opcode.toString(16)} of a stranger`, body };
        },
        () => {
            const issuer = random.pick([own.root, own.tcbSigner, intruder.platformCa, own.processorCa, own.platform({ name: 'second' }).pck]);
            const machine = own.platform({ name: 'usurper', certificate: { signer: issuer.key } });
            const made = parseCertificate(machine.pck.certificate);
            return { name: `a machine certified by "${issuer.commonName}"`, body: bodyOf(registerPlatform(made, random.pick([own.platformCa, issuer]).key.publicKey)) };
        },
        () => {
            const machine = own.platform({ name: 'old', certificate: dates });
            return { name: 'a machine at another time', body: platformMessage(parseQuote(machine.quote()), { replyTo: Receiver }).body };
        },
    ];
    return random.pick(pieces)();
}

describe('Whole objects in the wrong place', () => {
    it(`${Lives * 4} of them in ${Lives} lives leave no trace`, async () => {
        const world = await ownWorld();
        const { ledger, verifier, authority, ready } = world;
        const intruder = new TestAuthority({ seed: 'intruder' });
        const stage = world.stages[world.stages.length - 1];
        const first = world.stages[1];
        const state = (ledger.restore(ready), ledger.stateOf(verifier));
        for (let life = 0; life < Lives; life += 1) {
            const random = new Random(Seed + 1, life);
            ledger.restore(ready);
            for (let step = 0; step < 4; step += 1) {
                const { name, body } = wrongPiece(random, authority, intruder);
                const outcome = await ledger.post(random.chance(2) ? Sender : Stranger, verifier, Plenty, body);
                const what = `ATTESTATION_SEED=${Seed}, life ${life}, step ${step}, ${name}: ${told(outcome)}`;
                expect([what, outcome.deliveries.length]).toEqual([what, 1]);
                expect([what, ledger.stateOf(verifier) === state]).toEqual([what, true]);
                expect([what, outcome.deliveries[0].bounced || opcodeOf(outcome.deliveries[0].body) === Opcodes.CollateralRefused]).toEqual([what, true]);
                requireCoins(outcome, Plenty);
            }
            if (random.chance(5)) {
                await requireNotStuck(world, { ...stage, quote: first.quote });
            }
        }
    }, 600_000);

    it('messages in any order, some twice: then in the right order, and the quote is accepted', async () => {
        const { authority, ledger, verifier } = await ownWorld();
        const quote = parseQuote(authority.platform().quote());
        const bodies = [
            ...collateralMessages(parseCollateral(authority.collateral())).map(({ body }) => body),
            platformMessage(quote, { replyTo: Receiver }).body,
        ];
        const to = (await platformOf(verifier, quote));
        for (let life = 0; life < Math.ceil(Lives / 2); life += 1) {
            const random = new Random(Seed + 2, life);
            ledger.restore(new Map());
            await deploy(ledger, authority.rootKey);
            for (const body of random.shuffled([...bodies, random.pick(bodies), random.pick(bodies)])) {
                const outcome = await ledger.post(Sender, verifier, Plenty, body);
                requireAnswer(outcome);
                requireCoins(outcome, Plenty);
            }
            for (const body of bodies) {
                requireAnswer(await ledger.post(Sender, verifier, Plenty, body));
            }
            const outcome = await ledger.post(Sender, to, Plenty, quoteMessage(quote, { replyTo: Receiver }).body);
            expect([life, verdictsIn(outcome, verifier).map(({ accepted }) => accepted)]).toEqual([life, [true]]);
        }
    }, 600_000);

    it('a certificate that is revoked, and is not any more: quotes are rejected, and accepted again', async () => {
        const { authority, ledger, verifier, stages, ready } = await ownWorld();
        const { to, body } = stages[1].quote;
        const verdict = async () => verdictsIn(await ledger.post(Sender, to, Plenty, body), verifier)[0];
        const serial = ({ certificate }: Issued) => parseCertificate(certificate).serial;
        const cases: [Issued, Issued][] = [
            [authority.root, authority.platformCa], [authority.root, authority.tcbSigner], [authority.platformCa, authority.platform().pck],
        ];
        for (const [issuer, revoked] of cases) {
            const random = new Random(Seed + 3, 0);
            ledger.restore(ready);
            for (let round = 0; round < 6; round += 1) {
                const isRevoked = random.chance(2);
                const others = Array.from({ length: random.below(4) }, () => random.number(150));
                const list = authority.crl(issuer, 30, { thisUpdate: Now - 100 + round, revoked: random.shuffled(isRevoked ? [...others, serial(revoked)] : others) });
                requireSuccess(await ledger.post(Sender, verifier, Plenty, bodyOf(addCrl(parseCrl(list), issuer.key.publicKey))), 'list');
                const found = await verdict();
                expect([revoked.commonName, round, found.accepted, found.accepted ? 0 : found.reason]).toEqual([revoked.commonName, round, !isRevoked, isRevoked ? 1502 : 0]);
            }
        }
    });

    it('time passes: everything expires, and newer collateral makes the quote good again', async () => {
        const { authority, ledger, verifier, stages, ready } = await ownWorld();
        const { to, body } = stages[1].quote;
        ledger.restore(ready);
        for (const days of [40, 100, 200, 400]) {
            ledger.now = Now + days * 86_400;
            const [late] = verdictsIn(await ledger.post(Sender, to, Plenty, body), verifier);
            expect([days, late.accepted, late.accepted ? 0 : [1505, 1508].includes(late.reason)]).toEqual([days, false, true]);
            const { collateral } = laterCollateral(authority, days * 86_400);
            for (const message of collateralMessages(parseCollateral(collateral))) {
                requireSuccess(await ledger.post(Sender, verifier, Plenty, message.body), message.name);
            }
            const [verdict] = verdictsIn(await ledger.post(Sender, to, Plenty, body), verifier);
            expect([days, verdict.accepted]).toEqual([days, true]);
        }
    });
});

/** A cell and all below it, a few of each. */
function branches(root: Cell): Cell[] {
    return [root, ...root.refs.flatMap((ref) => [ref, ...ref.refs])];
}
