import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Crl, parseCrl, parseQuote } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { CertificateRole, crlBuilderDeployment, Errors } from '../../wrappers';
import { sendAs } from '../support/chain';
import {
    certificatesAndLists, crlMessage, qeIdentityMessage, registrationMessage, tcbInfoMessage,
} from './collateral_messages';
import { chainOfPieces, piecesOf, withRef } from './cuts';
import { outcomeOf, sha256 } from './quotes';
import { Answer, Plenty, Verification } from './verification';


const authority = new TestAuthority();
const { now, rootKey, platformCa, tcbSigner } = authority;
const caKey = platformCa.key.publicKey;
const machine = authority.platform();
const good = parseQuote(machine.quote());

let verification: Verification;
let start: BlockchainSnapshot;

beforeAll(async () => {
    verification = await Verification.create(rootKey, now);
    for (const message of [
        ...certificatesAndLists(authority),
        { name: 'TCB info', body: tcbInfoMessage(authority.tcbInfo(), tcbSigner.key.publicKey) },
        { name: 'QE identity', body: qeIdentityMessage(authority.qeIdentity(), tcbSigner.key.publicKey) },
        { name: 'machine', body: registrationMessage(machine.pck, caKey) },
    ]) {
        await verification.learnMessage(message);
    }
    await verification.verdictOn(good);
    start = verification.chain.snapshot();
});
beforeEach(() => verification.chain.loadFrom(start));

const serials = (count: number) => Array.from({ length: count }, (_, index) => 2n ** 158n + BigInt(index) * 977n ** 13n);
const listOf = (revoked: bigint[], thisUpdate = now) => parseCrl(authority.pckCrl('platform', { thisUpdate, revoked }));
const add = (list: Crl, value = Plenty) => verification.answer(crlMessage(list.der, caKey), value);
const stored = async () => (await verification.known()).crls.get(CertificateRole.platformCa)!;
const outcome = async () => outcomeOf(await verification.verdictOn(good, { knownQeReport: sha256(good.qeReport) }));
const machineSerial = BigInt(`0x${certificateSerial(machine.pck.certificate)}`);
const isRemaining = (answer: Answer) => typeof answer === 'object' && 'remaining' in answer;

function certificateSerial(der: Buffer): string {
    const at = der.indexOf(Buffer.from('a003020102', 'hex')) + 5;
    return der.subarray(at + 2, at + 2 + der[at + 1]).toString('hex');
}

/** Takes steps until the answer is another than that something remains. */
async function finish(list: Crl, answer: Answer): Promise<{ answer: Answer; steps: number }> {
    let steps = 1;
    while (isRemaining(answer)) {
        answer = await verification.continueList(list);
        steps += 1;
    }
    return { answer, steps };
}

describe('A revocation list', () => {
    it.each([[0, 1], [1, 1], [57, 1], [1000, 12], [1800, 22]])('of %i entries is stored whole, in at most %i messages', async (count, most) => {
        const list = listOf(serials(count));
        const { answer, steps } = await finish(list, await add(list));
        expect(answer).toBe('stored');
        expect(steps).toBeLessThanOrEqual(most);
        expect(await stored()).toMatchObject({ thisUpdate: now, revoked: count });
    });

    it('does not count before it is complete, and then at once: until then the one before does', async () => {
        const list = listOf([machineSerial, ...serials(160)]);
        expect(isRemaining(await add(list))).toBe(true);
        expect(await outcome()).toEqual({ status: 0 });
        expect(await stored()).toMatchObject({ thisUpdate: now - 86_400, revoked: 0 });
        expect(await verification.continueList(list)).toBe('stored');
        expect(await outcome()).toEqual({ reason: Errors.Revoked });
    });

    it('may be continued by anybody, who gets the answer, and by starting it again', async () => {
        const list = listOf(serials(320));
        const builder = await verification.crlBuilder(list);
        expect(isRemaining(await add(list))).toBe(true);
        const continueCrl = beginCell().storeUint(0x5eaa0021, 32).storeUint(0, 64).endCell();
        const { transactions } = await sendAs(verification.chain, verification.receiver.address, builder, Plenty, continueCrl);
        expect(transactions).toHaveTransaction({ from: builder, to: verification.receiver.address, op: 0x5eaa000a });
        expect((await finish(list, await add(list))).answer).toBe('stored');
        expect((await stored()).revoked).toBe(320);
        expect(await add(list)).toEqual({ bounced: Errors.NotNewer });
        // The builder is gone.
        expect((await verification.chain.getContract(builder)).balance).toBe(0n);
        expect(await verification.continueList(list)).not.toBe('stored');
    });

    const interleavings = ['aabb', 'abab', 'abba', 'baab', 'baba', 'bbaa'];
    it.each(interleavings)('threat: two of the same issuer, built side by side in the order %s: the newer one wins, unmixed', async (order) => {
        const lists = { a: listOf(serials(160), now - 1), b: listOf(serials(180).slice(20), now) };
        const begun = new Set<string>();
        for (const name of [...order] as ('a' | 'b')[]) {
            await (begun.has(name) ? verification.continueList(lists[name]) : add(lists[name]));
            begun.add(name);
        }
        expect(await stored()).toMatchObject({ thisUpdate: now, revoked: 160 });
        for (const list of Object.values(lists)) {
            expect((await verification.chain.getContract(await verification.crlBuilder(list))).balance).toBe(0n);
        }
    });

    it('that is complete after a newer one was stored is refused, and the value comes back', async () => {
        const [older, newer] = [listOf(serials(160), now - 1), listOf([], now)];
        await add(older);
        expect(await add(newer)).toBe('stored');
        expect(await verification.continueList(older)).toEqual({ refused: Errors.NotNewer });
        expect(await stored()).toMatchObject({ thisUpdate: now, revoked: 0 });
    });

    it('threat: cut so that nobody can read it, ends its builder, and can be started again', async () => {
        const list = listOf(serials(150));
        const broken = breakEntries(crlMessage(list.der, caKey));
        expect(isRemaining(await verification.answer(broken))).toBe(true);
        // Whoever starts the same list now steps on with the broken cells, is told so, and starts anew.
        expect(await add(list)).toEqual({ refused: Errors.Malformed });
        expect((await verification.chain.getContract(await verification.crlBuilder(list))).balance).toBe(0n);
        expect((await finish(list, await add(list))).answer).toBe('stored');
        expect((await stored()).revoked).toBe(150);
    });

    /** The last entry's first bytes stand in two cells. */
    function breakEntries(body: Cell): Cell {
        const { pieces, follows } = piecesOf(body.refs[0]);
        const breakLast = (page: Cell): Cell => {
            if (page.refs.length === 2 && page.refs[1].bits.length === 0) {
                return withRef(page, 1, breakLast(page.refs[1]));
            }
            const { pieces: entries } = piecesOf(page.refs[0]);
            const all = Buffer.concat(entries);
            let last = 0;
            for (let at = 0; at < all.length; at += all[at + 1] + 2) {
                last = at;
            }
            const cuts = entries.slice(0, -1).filter((_, index) => entries.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0) < last);
            const kept = Buffer.concat(cuts).length;
            const middle: Buffer[] = [];
            for (let at = kept; at < last + 2; at += 127) {
                middle.push(all.subarray(at, Math.min(at + 127, last + 2)));
            }
            return withRef(page, 0, chainOfPieces([...cuts, ...middle, all.subarray(last + 2)]));
        };
        return withRef(body, 0, chainOfPieces(pieces, breakLast(follows!)));
    }
});

describe('threat: messages from somebody else', () => {
    const list = listOf(serials(160));
    const header = beginCell().storeUint(now + 9, 32).storeUint(now, 32).storeUint(2, 8).storeUint(0, 168).endCell();
    const startCrl = beginCell().storeUint(0x5eaa0020, 32).storeUint(0, 64).storeUint(0, 256).storeRef(header).storeUint(0, 32).storeBit(false).endCell();

    it('a builder is started by the verifier alone, also when a stranger deployed it early', async () => {
        const { address, init } = await crlBuilderDeployment(verification.address, sha256(list.signed));
        const sender = verification.sender.address;
        const { transactions } = await sendAs(verification.chain, sender, address, toNano('1'), startCrl, { init, bounce: true });
        expect(transactions).toHaveTransaction({ to: address, exitCode: Errors.AccessDenied });
        expect(await verification.continueList(list)).not.toBe('stored');
        expect((await finish(list, await add(list))).answer).toBe('stored');
        expect((await stored()).revoked).toBe(160);
    });

    it('and not restarted by a stranger', async () => {
        await add(list);
        expect(await verification.answer(startCrl, Plenty, await verification.crlBuilder(list))).toEqual({ bounced: Errors.AccessDenied });
    });

    it('the verifier takes no finished list from a stranger', async () => {
        const crl = beginCell().storeSlice(header.beginParse()).storeBit(false).endCell();
        const built = beginCell().storeUint(0x5eaa0007, 32).storeUint(0, 64).storeUint(0, 256).storeBuffer(sha256(list.signed)).storeRef(crl).endCell();
        expect(await verification.answer(built)).toEqual({ bounced: Errors.AccessDenied });
    });
});

describe('Coins of a revocation list', () => {
    it.each([0, 57, 250])('of %i entries: each message brings its rest back, and the verifier keeps what it had', async (count) => {
        const list = listOf(serials(count));
        const balance = async (of = verification.address) => (await verification.chain.getContract(of)).balance;
        const before = await balance();
        const received: bigint[] = [];
        for (let answer: Answer = { remaining: 1 }; isRemaining(answer); ) {
            const result = received.length === 0
                ? await verification.send(crlMessage(list.der, caKey))
                : await verification.send(beginCell().storeUint(0x5eaa0021, 32).storeUint(0, 64).endCell(), Plenty, await verification.crlBuilder(list));
            answer = verification.answerIn(result);
            const fees = result.transactions.reduce((sum, { totalFees }) => sum + totalFees.coins, 0n);
            const back = result.transactions.flatMap(({ inMessage }) =>
                inMessage?.info.type === 'internal' && inMessage.info.dest.equals(verification.sender.address) ? [inMessage.info.value.coins] : []);
            expect(back).toHaveLength(1);
            received.push(back[0]);
            // Fees of carrying messages are not all in the fees of transactions.
            expect(Plenty - back[0]).toBeLessThan(fees + toNano('0.3'));
        }
        expect(await balance()).toBe(before);
        expect(await balance(await verification.crlBuilder(list))).toBe(0n);
    });
});
