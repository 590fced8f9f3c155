import { beginCell, Cell, toNano } from '@ton/core';
import { addCertificate, bodyOf, parseCertificate, parseCollateral, parseQuote, platformMessage, quoteMessage, collateralMessages } from '@ton-compute/attestation';
import { TestAuthority, TestNow } from '@ton-compute/attestation/testing';
import { exitCodeOf } from '../support/chain';
import { Ledger, Outcome, Saved } from './ledger';
import { cellOf, replaced } from './mutate';
import { deploy, Plenty, platformOf, Receiver, requireSuccess, Sender } from './world';
import { Verification } from './verification';


// Messages after which nobody gets an answer and the coins stay in a contract: the wish of THREATS, "Unknown operation,
// empty body, malformed cell, extra bits or references: clear exit code; nothing lost; value returned".

const authority = new TestAuthority();
const quote = parseQuote(authority.platform().quote());
const options = { replyTo: Receiver };
let ledger: Ledger;
let ready: Saved;
let registered: Saved;
let verifier: Awaited<ReturnType<typeof deploy>>;
let platform: typeof verifier;
let least: { verifyQuote: bigint; registerPlatform: bigint };

beforeAll(async () => {
    ledger = await Ledger.create(TestNow);
    verifier = await deploy(ledger, authority.rootKey);
    for (const { name, body } of collateralMessages(parseCollateral(authority.collateral()))) {
        requireSuccess(await ledger.post(Sender, verifier, Plenty, body), name);
    }
    ready = ledger.save();
    requireSuccess(await ledger.post(Sender, verifier, Plenty, platformMessage(quote).body), 'registration');
    platform = await platformOf(verifier, quote);
    registered = ledger.save();
    least = await (await Verification.create(authority.rootKey, TestNow)).verifier.getMinimumValues();
});

function expectAnswer(outcome: Outcome): void {
    const codes = outcome.transactions.map(exitCodeOf);
    expect({ codes, answers: outcome.deliveries.length }).toEqual({ codes: expect.anything(), answers: 1 });
    expect(outcome.kept).toBeLessThan(toNano('0.06'));
}

/** A tree of so many different cells that no reader looks into. */
function largeContext(cells: number, name = 0): Cell {
    const below = cells - 1;
    const parts = Array.from({ length: Math.min(4, below) }, (_, index) => Math.floor((below + index) / Math.min(4, below)));
    const builder = beginCell().storeUint(name, 1016);
    parts.forEach((part, index) => builder.storeRef(largeContext(part, 4 * name + index + 1)));
    return builder.endCell();
}

const malformedRequests: [string, Cell][] = [
    ['empty', Cell.EMPTY],
    ['a bit too long', replaced(quoteMessage(quote, options).body.refs[0], [], (cell) => beginCell().storeSlice(cell.beginParse()).storeBit(0).endCell())],
    ['a reference too many', replaced(quoteMessage(quote, options).body.refs[0], [], (cell) => cellOf(cell.bits, [...cell.refs, Cell.EMPTY]))],
];

describe('A quote gets a verdict or comes back', () => {
    it.each(malformedRequests)('whose request is %s', async (_, request) => {
        ledger.restore(registered);
        const body = replaced(quoteMessage(quote, options).body, [0], () => request);
        expectAnswer(await ledger.post(Sender, platform, Plenty, body));
    });

    it.each(malformedRequests)('that comes along with a registration and whose request is %s', async (_, request) => {
        ledger.restore(ready);
        const body = replaced(platformMessage(quote, options).body, [2, 0], () => request);
        expectAnswer(await ledger.post(Sender, verifier, Plenty, body));
    });

    it.each<[string, Cell]>([
        ['nothing', Cell.EMPTY],
        ['too much', replaced(platformMessage(quote, options).body.refs[2], [], (cell) => cellOf(cell.bits, [...cell.refs, Cell.EMPTY]))],
    ])('that comes along with a registration as %s', async (_, brought) => {
        ledger.restore(ready);
        const body = replaced(platformMessage(quote, options).body, [2], () => brought);
        expectAnswer(await ledger.post(Sender, verifier, Plenty, body));
    });

    it.each([1, 10, 30, 100, 300])('at the least value with a context of %i cells', async (cells) => {
        for (const extra of [0n, 2n, 5n, 10n, 20n, 40n]) {
            ledger.restore(registered);
            const body = quoteMessage(quote, { ...options, context: largeContext(cells) }).body;
            expectAnswer(await ledger.post(Sender, platform, least.verifyQuote + extra * 1_000_000n, body));
        }
    });

    it.each([1, 10, 30, 100, 300])('in a registration at the least value with a context of %i cells', async (cells) => {
        for (const extra of [0n, 2n, 5n, 10n, 20n, 40n]) {
            ledger.restore(ready);
            const body = platformMessage(quote, { ...options, context: largeContext(cells) }).body;
            expectAnswer(await ledger.post(Sender, verifier, least.registerPlatform + extra * 1_000_000n, body));
        }
    });

    it('a context in a tree with an exotic cell', async () => {
        ledger.restore(registered);
        const exotic = new Cell({ exotic: true, bits: beginCell().storeUint(2, 8).storeBuffer(Buffer.alloc(32, 1)).endCell().bits });
        expectAnswer(await ledger.post(Sender, platform, Plenty, replaced(quoteMessage(quote, options).body, [0, 0], () => exotic)));
    });
});

describe('Collateral is answered or comes back', () => {
    it('at the least value with a signature in a large tree', async () => {
        ledger.restore(ready);
        const certificate = parseCertificate(authority.processorCa.certificate);
        const body = replaced(bodyOf(addCertificate(certificate, authority.rootKey)), [1], (cell) => cellOf(cell.bits, [...cell.refs, largeContext(300)]));
        expectAnswer(await ledger.post(Sender, verifier, toNano('0.3'), body));
    });

    it('a revocation list whose entries carry a large tree, at the least value', async () => {
        ledger.restore(ready);
        const newer = new TestAuthority({ now: TestNow + 10 });
        const list = parseCollateral(newer.collateral({ pckCrl: { revoked: [5n, 7n] } }));
        const [, , { body }] = collateralMessages(list);
        const { addCrl } = await (await Verification.create(authority.rootKey, TestNow)).verifier.getMinimumValues();
        const large = replaced(body, [0], function attach(cell: Cell): Cell {
            return cell.refs.length === 2 ? cellOf(cell.bits, [cellOf(cell.refs[0].bits, [...cell.refs[0].refs]), cell.refs[1], largeContext(400)]) : cellOf(cell.bits, cell.refs.map(attach));
        });
        expect(large.equals(body)).toBe(false);
        for (const extra of [0n, 5n, 10n, 20n, 40n]) {
            ledger.restore(ready);
            expectAnswer(await ledger.post(Sender, verifier, addCrl + extra * 1_000_000n, large));
        }
    });
});
