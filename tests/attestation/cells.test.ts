import { BlockchainSnapshot, internal } from '@ton/sandbox';
import { Cell } from '@ton/core';
import {
    certificateTokens, parseCertificate, parseCrl, parseQuote, qeIdentityTokens, quoteMessage, tcbInfoTokens, Token,
} from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { CertificateRole, Errors } from '../../wrappers';
import { dataOf, exitCodeOf } from '../support/chain';
import {
    certificateMessage, certificatesAndLists, crlMessage, qeIdentityMessage, registrationMessage, tcbInfoMessage,
} from './collateral_messages';
import { chainOfPieces, cutAt, piecesOf, withExtraRefs, withRef } from './cuts';
import { outcomeOf } from './quotes';
import { Plenty, Verification } from './verification';


const authority = new TestAuthority();
const { now, rootKey, platformCa, tcbSigner } = authority;
const caKey = platformCa.key.publicKey;
const signerKey = tcbSigner.key.publicKey;
const machine = authority.platform();
const good = parseQuote(machine.quote());
const nextCa = authority.issue(platformCa.commonName, 'next CA', authority.root, {
    notBefore: now, keyUsage: 6, basicConstraints: { ca: true, pathLength: 0 },
});

let verification: Verification;
let start: BlockchainSnapshot;

beforeAll(async () => {
    verification = await Verification.create(rootKey, now);
    for (const message of certificatesAndLists(authority)) {
        await verification.learnMessage(message);
    }
    start = verification.chain.snapshot();
});
beforeEach(() => verification.chain.loadFrom(start));

/** What the verifier makes of a message: an exit code, or what it has stored then and what it says to whom. */
async function effect(body: Cell): Promise<number | string> {
    const { chain, sender, address } = verification;
    const contract = await chain.getContract(address);
    const before = contract.snapshot();
    const transaction = await contract.receiveMessage(internal({ from: sender.address, to: address, value: Plenty, body }));
    const data = (await dataOf(chain, address))!;
    contract.loadFrom(before);
    const said = transaction.outMessages.values().map(({ info, body }) => `${info.dest} ${body.hash().toString('hex')}`);
    return exitCodeOf(transaction) || [data.hash().toString('hex'), ...said].join(' ');
}

/** Offsets at which tokens begin, and offsets inside them: after the first byte, in the middle, before the last byte. */
function offsetsOf(tokens: readonly Token[]): { starts: number[]; inside: number[] } {
    const starts: number[] = [];
    const inside: number[] = [];
    let offset = 0;
    for (const { bytes: { length }, loose } of tokens) {
        starts.push(offset);
        if (!loose) {
            inside.push(...new Set([1, length >> 1, length - 1].filter((at) => at > 0 && at < length).map((at) => offset + at)));
        }
        offset += length;
    }
    return { starts, inside };
}

/** Offsets at which the cells of a chain begin. */
function ownCuts(chain: Cell): number[] {
    let offset = 0;
    return piecesOf(chain).pieces.map(({ length }) => (offset += length) - length);
}

describe('threat: the sender chooses where cells end', () => {
    // What is skipped as a whole may be cut anywhere: extensions and elements that nobody reads.
    const signed: [string, Cell, Token[], { step: number; skipped: RegExp }][] = [
        ['the certificate of a CA', certificateMessage(nextCa, rootKey), certificateTokens(parseCertificate(nextCa.certificate).signed),
            { step: 1, skipped: /^0[^]\x06\x03\x55\x1d[\x23\x1f\x0e\x0f]/ }],
        ['a PCK certificate', registrationMessage(machine.pck, caKey), certificateTokens(parseCertificate(machine.pck.certificate).signed),
            { step: 2, skipped: /^0[^]\x06(\x03\x55\x1d[\x23\x1f\x0e\x0f]|\x0a\x2a\x86\x48\x86\xf8\x4d\x01\x0d\x01[\x05-\x07])/ }],
        ['TCB info', tcbInfoMessage(authority.tcbInfo(), signerKey), tcbInfoTokens(authority.tcbInfo().text), { step: 16, skipped: /^$/ }],
        ['QE identity', qeIdentityMessage(authority.qeIdentity(), signerKey), qeIdentityTokens(authority.qeIdentity().text), { step: 1, skipped: /^$/ }],
    ];

    it.each(signed)('%s: no cut changes what is read, and one inside a token is refused', async (_, body, tokens, { step, skipped }) => {
        const expected = await effect(body);
        expect(expected).toEqual(expect.any(String));
        const bytes = Buffer.concat(tokens.map((token) => token.bytes));
        const recut = (offsets: number[]) => effect(withRef(body, 0, chainOfPieces(cutAt(bytes, offsets))));
        const { starts, inside } = offsetsOf(tokens);
        expect(await recut(starts)).toBe(expected);
        const own = ownCuts(body.refs[0]);
        for (const at of inside.filter((_, index) => index % step === 0)) {
            const token = tokens[starts.filter((start) => start < at).length - 1].bytes.toString('latin1');
            const mayBeCut = skipped.test(token);
            expect([token, at, await recut([...own, at])]).toEqual([token, at, mayBeCut ? expect.anything() : expect.any(Number)]);
            if (mayBeCut) {
                expect([expected, Errors.CellUnderflow]).toContain(await recut([...own, at]));
            }
        }
    });

    it.each(signed)('%s: an empty cell in the chain is refused', async (name, body) => {
        const { pieces } = piecesOf(body.refs[0]);
        for (let at = 0; at < pieces.length; at += name === 'TCB info' ? 9 : 1) {
            const chain = chainOfPieces([...pieces.slice(0, at), Buffer.alloc(0), ...pieces.slice(at)]);
            // Between the cells of something that is skipped it changes nothing.
            expect([expect.any(Number), await effect(body)]).toContainEqual(await effect(withRef(body, 0, chain)));
        }
    });

    it.each(signed)('%s: further references change nothing, and are not kept', async (_, body) => {
        expect(await effect(withRef(body, 0, withExtraRefs(body.refs[0])))).toBe(await effect(body));
    });

    it('TCB info: no cell ends so late that a component is dropped with the text of another', async () => {
        const tokens = tcbInfoTokens(authority.tcbInfo().text);
        const bytes = Buffer.concat(tokens.map((token) => token.bytes));
        const body = tcbInfoMessage(authority.tcbInfo(), signerKey);
        const { starts } = offsetsOf(tokens);
        const noted = tokens.flatMap(({ bytes: text }, index) => (/^\{"svn":\d+,/.test(text.toString()) ? [starts[index + 1]] : []));
        for (const at of noted) {
            expect(await effect(withRef(body, 0, chainOfPieces(cutAt(bytes, starts.filter((start) => start !== at)))))).toEqual(expect.any(Number));
        }
    });

    it('TCB info: nor if every component had a note: what is dropped never reaches another level', async () => {
        const text = authority.tcbInfo({ rewrite: (all) => all.replace(/\{"svn":(\d+)[^}]*\}/g, '{"svn":$1,"c":1}') });
        const bytes = Buffer.from(text.text);
        const body = tcbInfoMessage(text, signerKey);
        expect(await effect(body)).toEqual(expect.any(String));
        // Of the first level every second component; from its last one on to the second level's, of which the rest is read.
        const starts = offsetsOf(tcbInfoTokens(text.text)).starts.filter((at) => at > bytes.indexOf('sgxtcbcomponents'));
        const component = [...text.text.matchAll(/\{"svn":/g)].map(({ index }) => index!);
        const taken = [...component.slice(0, 5), component[6], component[8], component[15], component[24], component[31], ...component.slice(42, 48)];
        expect(taken).toHaveLength(16);
        const dropped = component.filter((at) => !taken.includes(at));
        const head = ownCuts(body.refs[0]).filter((at) => at < component[0]);
        const cuts = [...head, ...taken, ...starts.filter((at) => at > component[47])].filter((at) => !dropped.includes(at));
        expect(await effect(withRef(body, 0, chainOfPieces(cutAt(bytes, cuts))))).toBe(Errors.Malformed);
    });
});

describe('threat: cells of a revocation list', () => {
    const list = parseCrl(authority.pckCrl('platform', { thisUpdate: now, revoked: [5n, 6n, 2n ** 159n + 7n] }));
    const body = crlMessage(list.der, caKey);
    const head = piecesOf(body.refs[0]);
    const entries = piecesOf(head.follows!.refs[0]).pieces;
    /** The list with other cells of its head, or of its entries. */
    const recut = (cells: { head?: Buffer[]; entries?: Buffer[] }) => {
        const page = withRef(head.follows!, 0, chainOfPieces(cells.entries ?? entries));
        return withRef(body, 0, chainOfPieces(cells.head ?? head.pieces, page));
    };
    const known = async () => (await verification.known()).crls.get(CertificateRole.platformCa)!;

    it('the header of its entries may stand in a cell of its own, and is read there', async () => {
        const all = Buffer.concat(head.pieces);
        expect(await verification.answer(recut({ head: [...cutAt(all, ownCuts(body.refs[0])).slice(0, -1), head.pieces.at(-1)!.subarray(0, -2), all.subarray(-2)] }))).toBe('stored');
        expect(await known()).toMatchObject({ thisUpdate: now, revoked: 3 });
    });

    it('no cut of its head changes what is read', async () => {
        const all = Buffer.concat(head.pieces);
        for (let at = 1; at < all.length; at += at < all.length - 36 ? 7 : 1) {
            await verification.chain.loadFrom(start);
            const answer = await verification.answer(recut({ head: cutAt(all, [...ownCuts(body.refs[0]), at]) }));
            expect([at, answer === 'stored' ? (await known()).revoked : 'refused']).toEqual([at, answer === 'stored' ? 3 : 'refused']);
        }
    });

    it('no cut of its entries changes what is read: those in the first four bytes of one are refused', async () => {
        const all = Buffer.concat(entries);
        const begin: number[] = [];
        for (let at = 0; at < all.length; at += all[at + 1] + 2) {
            begin.push(at);
        }
        for (let at = 1; at < all.length; at += at < 12 ? 1 : 5) {
            await verification.chain.loadFrom(start);
            const answer = await verification.answer(recut({ entries: cutAt(all, [at]) }));
            const insideToken = begin.some((first) => at > first && at < first + 4);
            expect([at, answer]).toEqual([at, insideToken ? { refused: Errors.Malformed } : 'stored']);
            if (answer === 'stored') {
                expect((await known()).revoked).toBe(3);
            }
        }
    });

    it('pages do not nest, and a page holds bytes of its own nowhere', async () => {
        const page = head.follows!;
        const nested = withRef(page, 0, page);
        expect(await verification.answer(withRef(body, 0, chainOfPieces(head.pieces, nested)))).toEqual({ bounced: Errors.Malformed });
        const all = Buffer.concat(entries);
        const end = all[1] + 2;
        const late = recut({ head: [...head.pieces, all.subarray(0, end)], entries: [all.subarray(end)] });
        expect(await verification.answer(late)).not.toBe('stored');
        expect((await known()).thisUpdate).not.toBe(now);
    });
});

describe('threat: cells of a quote', () => {
    beforeEach(async () => {
        for (const body of [tcbInfoMessage(authority.tcbInfo(), signerKey), qeIdentityMessage(authority.qeIdentity(), signerKey)]) {
            await verification.answer(body);
        }
        await verification.register(good, {});
    });

    const outcome = async (change: (body: Cell) => Cell, quote = good) => {
        const { body } = quoteMessage(quote, { replyTo: verification.receiver.address });
        const platform = await verification.platformOf(quote);
        return outcomeOf(verification.verdictIn(await verification.send(change(body), Plenty, platform.address)));
    };
    const rechain = (chain: Cell, change: (pieces: Buffer[]) => Buffer[]) => chainOfPieces(change(piecesOf(chain).pieces));
    const inQuote = (change: (pieces: Buffer[]) => Buffer[]) => (body: Cell) => withRef(body, 1, rechain(body.refs[1], change));
    const inReport = (change: (pieces: Buffer[]) => Buffer[]) => (body: Cell) => {
        const [evidence, signedReport] = [body.refs[2], body.refs[2].refs[1]];
        return withRef(body, 2, withRef(evidence, 1, withRef(signedReport, 0, rechain(signedReport.refs[0], change))));
    };
    /** The last byte of one cell moves to the next. */
    const shift = (at: number) => (pieces: Buffer[]) =>
        cutAt(Buffer.concat(pieces), pieces.slice(0, -1).map((_, index) =>
            pieces.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0) - (index === at ? 1 : 0)));

    it('each cell has its length: one byte more or less is refused', async () => {
        for (const at of [0, 1, 2, 3, 4]) {
            expect([at, await outcome(inQuote(shift(at)))]).toEqual([at, { reason: Errors.Malformed }]);
        }
        for (const at of [0, 1, 2]) {
            expect([at, await outcome(inReport(shift(at)))]).toEqual([at, { reason: Errors.Malformed }]);
        }
    });

    it('a cell more, or an empty one, is refused', async () => {
        for (const change of [inQuote, inReport]) {
            expect(await outcome(change((pieces) => [...pieces, Buffer.alloc(0)]))).toEqual({ reason: Errors.Malformed });
            expect(await outcome(change((pieces) => [...pieces, Buffer.alloc(64)]))).not.toEqual({ status: 0 });
            expect(await outcome(change((pieces) => [pieces[0], Buffer.alloc(0), ...pieces.slice(1)]))).toEqual({ reason: Errors.Malformed });
        }
    });

    it('further references between cells change nothing', async () => {
        expect(await outcome((body) => withRef(body, 1, withExtraRefs(body.refs[1], true)))).toEqual({ status: 0 });
    });

    it('the attestation key and the authentication data cannot be cut differently', async () => {
        const longer = { ...good, authData: Buffer.concat([good.authData, Buffer.alloc(1)]) };
        expect(await outcome((all) => all, longer)).toEqual({ reason: Errors.AttestationKey });
    });
});
