import { BlockchainSnapshot } from '@ton/sandbox';
import { beginCell, Cell, toNano } from '@ton/core';
import { parseCollateral, parseQuote, platformMessage, Quote, quoteMessage, QuoteOptions } from '@ton-compute/attestation';
import { keyPair, TestAuthority } from '@ton-compute/attestation/testing';
import { Errors, platformKeyDeployment } from '../../wrappers';
import { sendAs } from '../support/chain';
import { registrationMessage } from './collateral_messages';
import { withRef } from './cuts';
import { outcomeOf, resigned, sha256, withField } from './quotes';
import { Verification } from './verification';


const authority = new TestAuthority();
const machine = authority.platform();
const key = machine.attestationKey;
const good = parseQuote(machine.quote());
const good15 = parseQuote(machine.quote({ version: 5 }));
const good5 = parseQuote(machine.quote({ version: 5, bodyType: 2 }));
const known = { knownQeReport: sha256(good.qeReport) };
const Accepted = { status: 0 };

let verification: Verification;
let start: BlockchainSnapshot;

beforeAll(async () => {
    verification = await Verification.create(authority.rootKey, authority.now);
    await verification.learn(parseCollateral(authority.collateral()));
    await verification.register(good, {});
    start = verification.chain.snapshot();
});
beforeEach(() => verification.chain.loadFrom(start));

const outcome = async (quote: Quote, options: Partial<QuoteOptions> = {}) =>
    outcomeOf(await verification.verdictOn(quote, options));
/** Of a quote of the registered machine, whose enclave report is known. */
const outcomeOfKnown = (quote: Quote) => outcome(quote, known);
const qeOutcome = (options: Parameters<typeof machine.quote>[0]) => outcome(parseQuote(machine.quote(options)));

describe('A quote', () => {
    it('of version 4, of version 5 with a TD 1.0 report and of version 5 with a TD 1.5 report is accepted', async () => {
        for (const quote of [good, good5, good15]) {
            expect(await outcome(quote)).toEqual(Accepted);
        }
    });

    it.each([
        ['version 3', 0, '0300', Errors.QuoteVersion],
        ['version 6', 0, '0600', Errors.QuoteVersion],
        ['an attestation key of P-384', 2, '0300', Errors.QuoteVersion],
        ['the TEE type of SGX', 4, '00000000', Errors.TeeType],
        ["a quoting enclave that is not Intel's", 12, '00'.repeat(16), Errors.QeVendor],
    ])('with %s is rejected', async (_, offset, bytes, reason) => {
        const quote = resigned(good, key, (signed) => void signed.write(bytes, offset, 'hex'));
        expect(await outcomeOfKnown(quote)).toEqual({ reason });
    });

    it.each([
        ['the body type of SGX', '010080010000'],
        ['body type 4', '040088020000'],
        ['the type of TD 1.5 and the size of TD 1.0', '030048020000'],
        ['the type of TD 1.0 and a TD 1.5 report', '020048020000'],
    ])('of version 5 with %s is rejected', async (_, bytes) => {
        const quote = resigned(good15, key, (signed) => void signed.write(bytes, 48, 'hex'));
        expect([Errors.QuoteVersion, Errors.Malformed]).toContain((await outcomeOfKnown(quote) as { reason: number }).reason);
    });

    it('of version 4 that says to be of version 5, and the other way round, is rejected', async () => {
        expect(await outcomeOfKnown(resigned(good, key, (signed) => void signed.writeUInt16LE(5)))).toEqual({ reason: Errors.QuoteVersion });
        expect(await outcomeOfKnown(resigned(good5, key, (signed) => void signed.writeUInt16LE(4)))).toEqual({ reason: Errors.Malformed });
    });
});

describe('threat: a TD whose memory others may read', () => {
    const attributes = (bits: number[]) => {
        const bytes = Buffer.alloc(8);
        for (const bit of bits) {
            bytes[bit >> 3] |= 1 << (bit & 7);
        }
        return withField(good, key, 'tdAttributes', bytes);
    };
    const SeptVeDisable = 28;
    const allowed = [30, 31, 63];

    it('debug, MIGRATABLE and each reserved attribute are rejected; PKS, KL and PERFMON may be set', async () => {
        for (let bit = 0; bit < 64; bit += 1) {
            const expected = bit === SeptVeDisable || allowed.includes(bit) ? Accepted : { reason: Errors.TdAttributes };
            expect([bit, await outcomeOfKnown(attributes([SeptVeDisable, bit]))]).toEqual([bit, expected]);
        }
        expect(await outcomeOfKnown(attributes([SeptVeDisable, ...allowed]))).toEqual(Accepted);
    });

    it('SEPT_VE_DISABLE unset is rejected', async () => {
        expect(await outcomeOfKnown(attributes([]))).toEqual({ reason: Errors.TdAttributes });
    });

    it('a service TD is rejected, whatever byte of its hash is set', async () => {
        for (const index of [0, 31, 32, 47]) {
            const hash = Buffer.alloc(48);
            hash[index] = 1;
            expect(await outcomeOfKnown(withField(good15, key, 'mrServiceTd', hash))).toEqual({ reason: Errors.ServiceTd });
        }
    });
});

describe('threat: keys and signatures that do not belong together', () => {
    const stranger = keyPair('somebody else', 'key');

    it('a quote signed by another key is rejected', async () => {
        expect(await qeOutcome({ quoteSigner: stranger })).toEqual({ reason: Errors.BadEcdsaSignature });
    });

    it('a report of the quoting enclave signed by another key is rejected', async () => {
        expect(await qeOutcome({ qeReportSigner: stranger })).toEqual({ reason: Errors.BadEcdsaSignature });
        expect(await qeOutcome({ qeReportSigner: authority.platformCa.key })).toEqual({ reason: Errors.BadEcdsaSignature });
    });

    it('an attestation key that the enclave does not name is rejected', async () => {
        const quote = { ...parseQuote(machine.quote({ attestationKey: stranger })), qeReport: good.qeReport, qeReportSignature: good.qeReportSignature };
        expect(await outcome(quote)).toEqual({ reason: Errors.AttestationKey });
        expect(await outcome({ ...good, authData: Buffer.alloc(32) })).toEqual({ reason: Errors.AttestationKey });
    });

    it('a quoting enclave that says more than the hash of the key is rejected: the upper half of its report data is zero', async () => {
        const hash = sha256(good.attestationKey, good.authData);
        expect(await qeOutcome({ qe: { reportData: Buffer.concat([hash, Buffer.alloc(32)]) } })).toEqual(Accepted);
        for (const index of [0, 31]) {
            const upper = Buffer.alloc(32);
            upper[index] = 1;
            expect(await qeOutcome({ qe: { reportData: Buffer.concat([hash, upper]) } })).toEqual({ reason: Errors.AttestationKey });
        }
        hash[0] ^= 1;
        expect(await qeOutcome({ qe: { reportData: Buffer.concat([hash, Buffer.alloc(32)]) } })).toEqual({ reason: Errors.AttestationKey });
    });

    it("another machine's quote is rejected", async () => {
        const other = authority.platform({ name: 'other machine' });
        const quote = { ...parseQuote(other.quote()), certificates: good.certificates };
        expect(await outcome(quote)).toEqual({ reason: Errors.BadEcdsaSignature });
        expect(await outcome(quote, { knownQeReport: sha256(quote.qeReport) })).toEqual({ reason: Errors.AttestationKey });
    });

    it.each([0, 32, 63, 64, 200])('%i bytes of authentication data are hashed with the key', async (length) => {
        const quote = parseQuote(machine.quote({ authData: Buffer.alloc(length, 7) }));
        expect(await outcome(quote)).toEqual(Accepted);
        expect(await outcome(quote, { knownQeReport: sha256(quote.qeReport) })).toEqual(Accepted);
    });
});

describe('The report of a quoting enclave', () => {
    const rotated = parseQuote(machine.quote({ attestationKey: keyPair('rotated', 'attestation key') }));
    const knownOf = (quote: Quote) => ({ knownQeReport: sha256(quote.qeReport) });

    it('is needed with the first quote of a machine and not with the next', async () => {
        const newcomer = authority.platform({ name: 'newcomer' });
        const quote = parseQuote(newcomer.quote());
        await verification.register(quote);
        expect(await outcome(quote, knownOf(quote))).toEqual({ reason: Errors.AttestationKey });
        expect(await outcome(quote)).toEqual(Accepted);
        expect(await outcome(quote, knownOf(quote))).toEqual(Accepted);
    });

    it('is replaced when that of a new attestation key is verified', async () => {
        const platform = await verification.platformOf(good);
        const reportHash = async () => (await platform.getPlatformData()).qeReportHash;
        expect(await outcome(rotated, knownOf(rotated))).toEqual({ reason: Errors.AttestationKey });
        expect(await reportHash()).toBe(BigInt(`0x${sha256(good.qeReport).toString('hex')}`));
        expect(await outcome(rotated)).toEqual(Accepted);
        expect(await reportHash()).toBe(BigInt(`0x${sha256(rotated.qeReport).toString('hex')}`));
        expect(await outcome(good, knownOf(good))).toEqual({ reason: Errors.AttestationKey });
    });

    it('does not replace the known one when the quote is rejected before or after it', async () => {
        const state = (await (await verification.platformOf(good)).getPlatformData()).qeReportHash;
        await outcome({ ...good, qeReport: rotated.qeReport, qeReportSignature: rotated.qeReportSignature });
        await outcome({ ...rotated, signature: good.signature });
        expect((await (await verification.platformOf(good)).getPlatformData()).qeReportHash).toBe(state);
    });

    const mask = (value: string) => Buffer.from(value, 'hex');
    it.each([
        ['MISCSELECT', { miscSelect: 1 }],
        ['the debug attribute', { attributes: mask('1700000000000000e700000000000000') }],
        ['another attribute', { attributes: mask('1500000000000080e700000000000000') }],
        ['another signer', { mrSigner: Buffer.alloc(32, 1) }],
        ["the product number of Intel's SGX quoting enclave", { isvProdId: 1 }],
    ])('with %s is rejected', async (_, qe) => {
        expect(await qeOutcome({ qe })).toEqual({ reason: Errors.QeIdentity });
    });

    it('may differ where the masks of the identity say so', async () => {
        const identity = { miscSelectMask: 'FFFFFFF0', attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000' };
        const other = await Verification.create(authority.rootKey, authority.now);
        await other.learn(parseCollateral(authority.collateral({ qeIdentity: identity })));
        const verdictOn = async (qe: object) => outcomeOf(other.verdictIn(await other.register(parseQuote(machine.quote({ qe })), {})));
        expect(await verdictOn({ attributes: mask('1100000000000000ffffffffffffffff') })).toEqual(Accepted);
        // The mask is of bytes in their order: the four free bits are those of the last byte.
        expect(await verdictOn({ miscSelect: 0x0f000000 })).toEqual(Accepted);
        expect(await verdictOn({ miscSelect: 0x10000000 })).toEqual({ reason: Errors.QeIdentity });
    });
});

describe('A verdict', () => {
    const context = beginCell().storeUint(123, 768).endCell();
    const bad = withField(good, key, 'tdAttributes', Buffer.alloc(8));

    it.each([[true, good], [false, bad]])('(accepted: %s) echoes context and query id, names the payer, and brings the rest of the value', async (accepted, quote) => {
        const before = (await verification.chain.getContract(verification.receiver.address)).balance;
        const held = await contracts();
        const result = await verification.verify(quote, { context, queryId: 77n, ...known }, toNano('1'));
        const verdict = verification.verdictIn(result);
        expect(verdict).toMatchObject({ accepted, queryId: 77n, payer: BigInt(`0x${verification.sender.address.hash.toString('hex')}`) });
        expect(verdict.context.equals(context)).toBe(true);
        const received = (await verification.chain.getContract(verification.receiver.address)).balance - before;
        expect(received).toBeGreaterThan(toNano('0.97'));
        // Whatever was there before is there still.
        expect(await contracts()).toEqual(held);
    });

    async function contracts(): Promise<bigint[]> {
        const platform = await verification.platformOf(good);
        return Promise.all([platform.address, verification.address].map(async (at) => (await verification.chain.getContract(at)).balance));
    }

    it('also comes for evidence, or a quote, that nobody can read', async () => {
        const { body: whole } = quoteMessage(good, { replyTo: verification.receiver.address });
        const platform = await verification.platformOf(good);
        for (const index of [1, 2]) {
            const body = withRef(whole, index, Cell.EMPTY);
            expect(verification.verdictIn(await verification.send(body, toNano('1'), platform.address))).toMatchObject({ accepted: false, reason: Errors.Malformed });
        }
    });

    it.each([
        ['without a context', (request: Cell) => beginCell().storeBits(request.bits).endCell()],
        ['with a context of more than a cell', (request: Cell) => beginCell().storeBits(request.bits).storeRef(beginCell().storeRef(Cell.EMPTY).endCell()).endCell()],
        ['that is too long', (request: Cell) => beginCell().storeSlice(request.beginParse()).storeBit(true).endCell()],
    ])('does not come for a request %s: its price would not be known, and the value goes back', async (_, change) => {
        const options = { replyTo: verification.receiver.address };
        const { body } = quoteMessage(good, options);
        const changed = withRef(body, 0, change(body.refs[0]));
        const platform = await verification.platformOf(good);
        expect(await verification.answer(changed, toNano('1'), platform.address)).toEqual({ bounced: Errors.Malformed });

        const { body: registration } = platformMessage(good, options);
        const first = withRef(registration, 2, withRef(registration.refs[2], 0, change(body.refs[0])));
        expect(await verification.answer(first)).toEqual({ bounced: Errors.Malformed });
    });

    it('does not come for less than the least value, which goes back', async () => {
        const result = await verification.verify(good, known, 1_000_000n);
        expect(verification.answerIn(result)).toEqual({ bounced: Errors.ValueTooLow });
    });
});

describe('A machine that is not registered', () => {
    const newcomer = authority.platform({ name: 'newcomer' });
    const quote = parseQuote(newcomer.quote());

    it('has no contract: the value of a quote goes back', async () => {
        const result = await verification.verify(quote);
        expect(result.transactions).toHaveTransaction({ to: verification.sender.address, inMessageBounced: true });
    });

    it('whose contract was deployed early refuses the quote, gives the value back, and can be registered', async () => {
        const { address, init } = await platformKeyDeployment(verification.address, sha256(quote.certificates[0].signed));
        await sendAs(verification.chain, verification.sender.address, address, toNano('0.1'), Cell.EMPTY, { init });
        expect(verification.answerIn(await verification.verify(quote))).toEqual({ bounced: Errors.UnknownPlatform });
        const platform = await verification.platformOf(quote);
        await expect(platform.getPlatformData()).rejects.toThrow(/1520/);
        expect(await verification.answer(registrationMessage(newcomer.pck, authority.platformCa.key.publicKey))).toBe('stored');
        expect(await outcome(quote)).toEqual(Accepted);
    });

    it('is registered by nobody but the verifier', async () => {
        const { body } = (await verification.register(quote)).transactions
            .map(({ inMessage }) => inMessage!).find(({ body }) => body.beginParse().preloadUint(32) === 0x5eaa0010)!;
        const platform = await verification.platformOf(quote);
        expect(await verification.answer(body, toNano('1'), platform.address)).toEqual({ bounced: Errors.AccessDenied });
    });

    it('and that nobody can register tells the verifier nothing', async () => {
        const checked = beginCell().storeUint(0x5eaa0008, 32).storeUint(0, 16).storeUint(1, 256).storeUint(2, 256).storeRef(Cell.EMPTY).endCell();
        expect(await verification.answer(checked)).toEqual({ bounced: Errors.AccessDenied });
    });
});
