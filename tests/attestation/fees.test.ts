import { beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { parseCrl, parseQuote, platformMessage, quoteMessage } from '@ton-compute/attestation';
import { TestAuthority, UpToDateSvns } from '@ton-compute/attestation/testing';
import { Errors } from '../../wrappers';
import { PriceSet } from '../support/prices';
import {
    certificateMessage, certificatesAndLists, crlMessage, qeIdentityMessage, registrationMessage, tcbInfoMessage,
} from './collateral_messages';
import { outcomeOf, sha256 } from './quotes';
import { contractGas, Plenty, Verification } from './verification';


const authority = new TestAuthority();
const { now, rootKey, platformCa, tcbSigner } = authority;
const signerKey = tcbSigner.key.publicKey;
const caKey = platformCa.key.publicKey;
const machine = authority.platform();
const good = parseQuote(machine.quote({ version: 5, authData: Buffer.alloc(200) }));
const context = beginCell().storeUint(1, 1023 - 767).storeUint(2, 256).storeUint(3, 256).storeUint(4, 255).endCell();

const advisories = ['INTEL-SA-01036', 'INTEL-SA-01099', 'INTEL-SA-00837', 'INTEL-SA-00960', 'INTEL-SA-00586'];
const largestTcbInfo = authority.tcbInfo({
    issueDate: now,
    levels: Array.from({ length: 20 }, (_, index) => ({
        sgx: [30 - index, 30 - index, ...UpToDateSvns.components.slice(2)], pceSvn: 33 - index, tdx: [5, 0, 30 - index, ...Array<number>(13).fill(0)],
        status: index === 0 ? 'UpToDate' as const : 'OutOfDate' as const, advisories: index === 0 ? undefined : advisories,
    })),
});
const largestQeIdentity = authority.qeIdentity({
    issueDate: now, levels: Array.from({ length: 10 }, (_, index) => ({ isvSvn: 20 - index, status: 'OutOfDate' as const, advisories })),
});
const serials = Array.from({ length: 1000 }, (_, index) => 2n ** 158n + BigInt(index) * 977n ** 13n);
const largestList = parseCrl(authority.pckCrl('platform', { thisUpdate: now, revoked: serials }));

describe.each<PriceSet>(['old', '2026'])('the least values of attestation (prices: %s)', (prices) => {
    let verification: Verification;
    let start: BlockchainSnapshot;
    let least: Awaited<ReturnType<Verification['verifier']['getMinimumValues']>>;

    beforeAll(async () => {
        verification = await Verification.create(rootKey, now, prices);
        for (const message of certificatesAndLists(authority)) {
            await verification.learnMessage(message);
        }
        for (const body of [
            tcbInfoMessage(authority.tcbInfo(), signerKey), qeIdentityMessage(authority.qeIdentity(), signerKey),
            registrationMessage(machine.pck, caKey),
        ]) {
            await verification.answer(body);
        }
        least = await verification.verifier.getMinimumValues();
        start = verification.chain.snapshot();
    });
    beforeEach(async () => {
        await verification.chain.loadFrom(start);
        // The verifier has nothing of its own: the message has to fill the reserve too.
        (await verification.chain.getContract(verification.address)).balance = 0n;
    });

    /** One nanoTON less goes back; @returns the answer to the least value. */
    async function exactly(body: Cell, value: bigint, to = verification.address) {
        expect(await verification.answer(body, value - 1n, to)).toEqual({ bounced: Errors.ValueTooLow });
        return verification.answer(body, value, to);
    }
    const runway = () => verification.verifier.getRunway();

    it.each([
        ['a certificate', certificateMessage(authority.issue(tcbSigner.commonName, 'next', authority.root, { notBefore: now }), rootKey), 'addCertificate'],
        ['TCB info of 20 levels', tcbInfoMessage(largestTcbInfo, signerKey), 'addTcbInfo'],
        ['QE identity of 10 levels', qeIdentityMessage(largestQeIdentity, signerKey), 'addQeIdentity'],
        ['a list without entries', crlMessage(authority.rootCrl({ thisUpdate: now }), rootKey), 'addCrl'],
    ] as const)('%s: one nanoTON less goes back, the least value does it and fills the reserve', async (_, body, name) => {
        expect(await exactly(body, least[name])).toBe('stored');
        expect(await runway()).toBeGreaterThanOrEqual(365n * 86_400n);
    });

    it('a list of 1,000 entries: with the least value, and that of each step', async () => {
        let answer = await exactly(crlMessage(largestList.der, caKey), least.addCrl);
        const builder = await verification.crlBuilder(largestList);
        const step = await stepValue();
        for (let steps = 0; typeof answer === 'object' && 'remaining' in answer && steps < 20; steps += 1) {
            expect(await verification.continueList(largestList, step - 1n)).toEqual({ bounced: Errors.ValueTooLow });
            answer = await verification.continueList(largestList, step);
        }
        expect(answer).toBe('stored');
        expect((await verification.chain.getContract(builder)).balance).toBe(0n);
        expect(await runway()).toBeGreaterThanOrEqual(364n * 86_400n);
    });

    async function stepValue(): Promise<bigint> {
        const { stackReader } = await verification.chain.runGetMethod(await verification.crlBuilder(largestList), 'step_value');
        return stackReader.readBigNumber();
    }

    it('a registration, alone and with a first quote whose verdict arrives', async () => {
        const newcomer = authority.platform({ name: 'newcomer' });
        expect(await exactly(registrationMessage(newcomer.pck, caKey), least.registerPlatform)).toBe('stored');
        const another = authority.platform({ name: 'another' });
        const quote = parseQuote(another.quote({ version: 5, authData: Buffer.alloc(200) }));
        const { body } = platformMessage(quote, { replyTo: verification.receiver.address, context });
        expect(verification.answerIn(await verification.send(body, least.registerPlatform - 1n))).toEqual({ bounced: Errors.ValueTooLow });
        expect(outcomeOf(verification.verdictIn(await verification.send(body, least.registerPlatform)))).toEqual({ status: 0 });
        const platform = await verification.platformOf(quote);
        expect(await platform.getRunway()).toBeGreaterThanOrEqual(365n * 86_400n);
        expect(await platform.getVerificationValue()).toBe(least.verifyQuote);
    });

    it('a quote: its verdict arrives, and brings what the receiver may need', async () => {
        const platform = (await verification.platformOf(good)).address;
        const { body } = quoteMessage(good, { replyTo: verification.receiver.address, context });
        expect(verification.answerIn(await verification.send(body, least.verifyQuote - 1n, platform))).toEqual({ bounced: Errors.ValueTooLow });
        const result = await verification.send(body, least.verifyQuote, platform);
        expect(verification.verdictIn(result)).toMatchObject({ accepted: true });
        expect(result.transactions).toHaveTransaction({ to: verification.receiver.address, value: (coins) => coins! > toNano('0.001') });
    });
});

describe('Gas', () => {
    it('of a first quote, of later ones and of TCB info stays within its limits', async () => {
        const verification = await Verification.create(rootKey, now);
        for (const message of certificatesAndLists(authority)) {
            await verification.learnMessage(message);
        }
        const gas = async (body: Cell, to = verification.address) => contractGas(verification, await verification.send(body, Plenty, to));
        expect(await gas(tcbInfoMessage(authority.tcbInfo(), signerKey))).toBeLessThanOrEqual(250_000n);
        await verification.answer(qeIdentityMessage(authority.qeIdentity(), signerKey));
        for (const version of [4, 5] as const) {
            const quote = parseQuote(authority.platform({ name: `of version ${version}` }).quote({ version }));
            expect(contractGas(verification, await verification.register(quote, {}))).toBeLessThanOrEqual(150_000n);
            const next = await verification.verify(quote, { knownQeReport: sha256(quote.qeReport) });
            expect(contractGas(verification, next)).toBeLessThanOrEqual(50_000n);
        }
    });
});
