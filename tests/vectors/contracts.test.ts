import { Address, beginCell, Cell, Dictionary, toNano } from '@ton/core';
import { KeyPair, keyPairFromSeed } from '@ton/crypto';
import { Blockchain, createShardAccount } from '@ton/sandbox';
import {
    accountOf,
    addressOf,
    codeOf,
    Errors,
    escrowReserve,
    hashToBigInt,
    Delivery,
    deliveryPayload,
    JobEscrow,
    JobOutcome,
    PayloadTag,
    packBatchMessage,
    packDelivery,
    packJobTerms,
    packReceiptClaim,
    packTerms,
    packRegistration,
    Prices,
    PricesSince2026,
    Provider,
    ProviderRegistry,
    Receipt,
    receiptPayload,
    RewardSettlement,
    SessionEscrow,
    SigningDomain,
    signPayload,
} from '../../wrappers';
import { EncryptionKey, Start, testKey, TestNetwork } from '../support/network';
import { chainConfig } from '../support/prices';
import { exitCodeOf, sendAs } from '../support/chain';
import {
    addresses,
    addressOfHash,
    agreementOf,
    bytes,
    cellOf,
    domainOf,
    jobOf,
    number,
    PayloadVector,
    quad,
    TokensJson,
    vectors,
} from './files';

// Do the contracts hash the very bits of the vectors? Each is presented to a contract that lives at the vector's
// address, on the vector's network, in the vector's life; it must accept the signature, and refuse it when anything
// differs.

const worker = keyPairFromSeed(bytes(vectors.keys.worker.seed));
const session = keyPairFromSeed(bytes(vectors.keys.session.seed));
const stranger = testKey('stranger');
const Forever = 0xffffffff;
const Balance = 10n ** 18n;
const agreement = { ...agreementOf(vectors.terms[0].agreement), creditWindow: 2n ** 120n - 1n };
const sender = addressOfHash('77'.repeat(32));
const settlementOfSession = addressOfHash('88'.repeat(32));

const networks = new Map<number, Blockchain>();
let chain: Blockchain;
type Placed = 'SessionEscrow' | 'JobEscrow' | 'RewardSettlement' | 'Provider';
let code: Record<Placed, Cell>;

beforeAll(async () => {
    code = {
        SessionEscrow: await codeOf('SessionEscrow'),
        JobEscrow: await codeOf('JobEscrow'),
        RewardSettlement: await codeOf('RewardSettlement'),
        Provider: await codeOf('Provider'),
    };
});

/** Goes on with the network of this global id, at this time. */
async function onNetwork(globalId: number, now = Start): Promise<void> {
    let network = networks.get(globalId);
    if (network === undefined) {
        const config = Dictionary.loadDirect(Dictionary.Keys.Int(32), Dictionary.Values.Cell(), chainConfig('2026'));
        config.set(19, beginCell().storeInt(globalId, 32).endCell());
        network = await Blockchain.create({ config: beginCell().storeDictDirect(config).endCell() });
        networks.set(globalId, network);
    }
    chain = network;
    chain.now = now;
}

async function place(address: Address, contract: Placed, data: Cell): Promise<void> {
    await chain.setShardAccount(address, createShardAccount({ address, code: code[contract], data, balance: Balance }));
}

type Keys = { sessionKey: KeyPair; workerKey: KeyPair };

/** An open, attested session in the life of a domain. */
async function placeEscrow(
    domain: SigningDomain,
    prices: Prices,
    { sessionKey, workerKey }: Keys = { sessionKey: session, workerKey: worker },
): Promise<void> {
    await onNetwork(domain.globalId);
    const terms = packTerms({ ...agreement, offer: { ...agreement.offer, prices } });
    const rest = beginCell()
        .storeBuffer(workerKey.publicKey)
        .storeUint(Start + 3600, 32)
        .storeBit(false)
        .storeRef(terms);
    const data = beginCell()
        .store(
            SessionEscrow.storeSessionState({
                $$type: 'SessionState',
                claimed: 0n,
                claimsUntil: BigInt(Forever),
                openedLt: domain.openedLt,
                sessionKey: hashToBigInt(sessionKey.publicKey),
                settlement: accountOf(settlementOfSession),
                rest: rest.asSlice(),
            }),
        )
        .endCell();
    await place(domain.contract, 'SessionEscrow', data);
}

const ClaimVoucher = SessionEscrow.SessionEscrow.opcodes.ClaimVoucher;
const ClaimReceipt = SessionEscrow.SessionEscrow.opcodes.ClaimReceipt;

async function claim(opcode: number, from: Address, to: Address, argument: Cell): Promise<number | undefined> {
    const body = beginCell().storeUint(opcode, 32).storeRef(argument).endCell();
    const { transactions } = await sendAs(chain, from, to, toNano('1'), body);
    return exitCodeOf(transactions[0]);
}

const claimVoucher = (to: Address, voucher: Cell) => claim(ClaimVoucher, sender, to, voucher);
const claimReceipt = (to: Address, receipt: Cell) => claim(ClaimReceipt, settlementOfSession, to, receipt);

async function paid(address: Address): Promise<bigint> {
    const opened = chain.openContract(SessionEscrow.SessionEscrow.fromAddress(address));
    return (await opened.getSessionData()).claimed;
}

const ofKind = (kind: PayloadVector['kind']) =>
    vectors.payloads.filter((vector) => vector.kind === kind).map((vector) => [vector.name, vector] as const);

/** Other networks, contracts and lives. */
function otherDomains(domain: SigningDomain): [string, SigningDomain][] {
    return [
        ['network', { ...domain, globalId: domain.globalId + 1 }],
        ['contract', { ...domain, contract: addressOfHash('99'.repeat(32)) }],
        ['life', { ...domain, openedLt: domain.openedLt - 1n }],
    ];
}

/** The same cell with one bit changed. */
function flip(cell: Cell, bit: number): Cell {
    const source = cell.beginParse();
    const builder = beginCell().storeBits(source.loadBits(bit)).storeBit(!source.loadBit());
    return builder.storeSlice(source).endCell();
}

/** A bit of each field of a cell, given the fields' widths. */
function bitsOf(widths: number[]): number[] {
    let end = 0;
    return widths.flatMap((width) => [end, (end += width) - 1]);
}

/** The payload of a vector under another tag, signed by the key it belongs to: the right signer, the wrong kind. */
function retagged(vector: PayloadVector, tag: number, key: KeyPair): Buffer {
    const payload = beginCell().storeUint(tag, 32).storeSlice(cellOf(vector.cell).beginParse().skip(32)).endCell();
    return signPayload(payload, key.secretKey);
}

const withSignature = (cell: Cell, signature: Buffer, offset: number): Cell => {
    const source = cell.beginParse();
    const builder = beginCell().storeBits(source.loadBits(offset)).storeBuffer(signature, 64);
    source.skip(512);
    return builder.storeSlice(source).endCell();
};

describe.each(ofKind('voucher'))('SessionEscrow and the voucher "%s"', (_name, vector) => {
    const domain = domainOf(vector.domain);
    const message = cellOf(vector.message!);
    const cumulative = BigInt(vector.body.cumulative as string);
    const signatureAt = message.bits.length - 512;

    it('accepts it and pays what it says', async () => {
        await placeEscrow(domain, agreement.offer.prices);
        expect(await claimVoucher(domain.contract, message)).toBe(0);
        expect(await paid(domain.contract)).toBe(
            cumulative < Balance ? cumulative : Balance - escrowReserve(PricesSince2026),
        );
    });

    it('refuses it when any field differs', async () => {
        await placeEscrow(domain, agreement.offer.prices);
        const cumulativeBits = signatureAt - 256 - 4;
        for (const bit of bitsOf([4, cumulativeBits, 256, 512]).slice(2)) {
            expect([bit, await claimVoucher(domain.contract, flip(message, bit))]).toEqual([bit, Errors.BadSignature]);
        }
    });

    it('refuses it elsewhere, in another life, by another key, as another kind', async () => {
        for (const [what, other] of otherDomains(domain)) {
            await placeEscrow(other, agreement.offer.prices);
            expect([what, await claimVoucher(other.contract, message)]).toEqual([what, Errors.BadSignature]);
        }
        await placeEscrow(domain, agreement.offer.prices, { sessionKey: stranger, workerKey: worker });
        expect(await claimVoucher(domain.contract, message)).toBe(Errors.BadSignature);

        await placeEscrow(domain, agreement.offer.prices);
        for (const tag of [PayloadTag.Receipt, PayloadTag.Batch, PayloadTag.Delivery, PayloadTag.Request]) {
            const other = withSignature(message, retagged(vector, tag, session), signatureAt);
            expect(await claimVoucher(domain.contract, other)).toBe(Errors.BadSignature);
        }
        expect(await claimVoucher(domain.contract, message)).toBe(0);
    });
});

describe.each(ofKind('receipt'))('SessionEscrow and the receipt "%s"', (_name, vector) => {
    const domain = domainOf(vector.domain);
    const message = cellOf(vector.message!);
    const { prices } = agreement.offer;
    const amount = BigInt(vector.body.amount as string);

    it('accepts it and pays its amount', async () => {
        await placeEscrow(domain, prices);
        expect(await claimReceipt(domain.contract, message)).toBe(0);
        expect(await paid(domain.contract)).toBe(amount < Balance ? amount : Balance - escrowReserve(PricesSince2026));
    });

    it('refuses it when any field differs, the amount included', async () => {
        await placeEscrow(domain, prices);
        for (const bit of bitsOf([512, 32, 48, 48, 48, 48, 256])) {
            expect([bit, await claimReceipt(domain.contract, flip(message, bit))]).toEqual([bit, Errors.BadSignature]);
        }
        const receipt: Receipt = {
            sequence: vector.body.sequence as number,
            tokens: quad(vector.body.tokens as TokensJson),
            amount: amount + 1n,
            transcriptHash: number(vector.body.transcriptHash as string),
        };
        const signature = signPayload(receiptPayload(domain, receipt), worker.secretKey);
        expect(await claimReceipt(domain.contract, packReceiptClaim({ ...receipt, signature }, null))).toBe(
            Errors.BadSignature,
        );
    });

    it('refuses it elsewhere, in another life, at other prices, by another key, as another kind', async () => {
        for (const [what, other] of otherDomains(domain)) {
            await placeEscrow(other, prices);
            expect([what, await claimReceipt(other.contract, message)]).toEqual([what, Errors.BadSignature]);
        }
        await placeEscrow(domain, { ...prices, completion: prices.completion + 1_000_000n });
        expect(await claimReceipt(domain.contract, message)).toBe(Errors.BadSignature);
        await placeEscrow(domain, prices, { sessionKey: session, workerKey: stranger });
        expect(await claimReceipt(domain.contract, message)).toBe(Errors.BadSignature);

        await placeEscrow(domain, prices);
        for (const tag of [PayloadTag.Voucher, PayloadTag.Batch, PayloadTag.Delivery, PayloadTag.Request]) {
            const other = withSignature(message, retagged(vector, tag, worker), 0);
            expect(await claimReceipt(domain.contract, other)).toBe(Errors.BadSignature);
        }
        expect(await claimReceipt(domain.contract, message)).toBe(0);
    });
});

/** A settlement that waits for batch number `sequence` of a worker key. */
async function placeSettlement(
    domain: SigningDomain,
    sequence: number,
    now: number,
    workerKey = worker,
): Promise<void> {
    await onNetwork(domain.globalId, now);
    const parameters = beginCell()
        .store(
            ProviderRegistry.storeParameters({
                $$type: 'Parameters',
                registrationDeposit: 0n,
                registrationFee: 0n,
                feeBasisPoints: 0n,
                treasury: 1n,
                listingFee: 0n,
            }),
        )
        .endCell();
    const config = beginCell()
        .store(
            RewardSettlement.storeSettlementConfig({
                $$type: 'SettlementConfig',
                owner: accountOf(sender),
                registry: 1n,
                parameters,
                floatBasisPoints: 0n,
                beneficiaries: Dictionary.empty(),
            }),
        )
        .endCell();
    const data = beginCell()
        .store(
            RewardSettlement.storeSettlementState({
                $$type: 'SettlementState',
                provider: 1n,
                sequence: BigInt(sequence),
                workerKey: hashToBigInt(workerKey.publicKey),
                feeFloat: Balance / 2n,
                dailyCap: Balance / 2n,
                spentToday: 0n,
                day: 0n,
                config,
            }),
        )
        .endCell();
    await place(domain.contract, 'RewardSettlement', data);
}

/** Sends a batch; 0 when it was accepted, else the exit code with which the message was turned away. */
async function sendBatch(to: Address, body: Cell): Promise<number | undefined> {
    try {
        const { transactions } = await chain.sendMessage({
            info: { type: 'external-in', dest: to, importFee: 0n },
            body,
        });
        return exitCodeOf(transactions[0]);
    } catch (error) {
        const { exitCode } = error as { exitCode?: number };
        if (exitCode === undefined) {
            throw error;
        }
        return exitCode;
    }
}

describe.each(ofKind('batch'))('RewardSettlement and the batch "%s"', (_name, vector) => {
    const domain = domainOf(vector.domain);
    const message = cellOf(vector.message!);
    const batch = {
        sequence: vector.body.sequence as number,
        validUntil: vector.body.validUntil as number,
        count: vector.body.count as number,
        distribute: vector.body.distribute as boolean,
        items: cellOf(vector.body.items as string),
    };
    const signature = bytes(vector.signature);
    const now = batch.validUntil - 600;

    it('accepts it', async () => {
        await placeSettlement(domain, batch.sequence, now);
        expect(await sendBatch(domain.contract, message)).toBe(0);
        const { sequence } = await chain
            .openContract(RewardSettlement.RewardSettlement.fromAddress(domain.contract))
            .getSettlementData();
        expect(sequence).toBe(BigInt(batch.sequence + 1));
    });

    it('refuses it when any field differs', async () => {
        const changes = {
            sequence: { ...batch, sequence: batch.sequence + 1 },
            validUntil: { ...batch, validUntil: batch.validUntil + 1 },
            count: { ...batch, count: batch.count === 50 ? 49 : batch.count + 1 },
            distribute: { ...batch, distribute: !batch.distribute },
            items: { ...batch, items: beginCell().storeBit(true).endCell() },
        };
        for (const [field, changed] of Object.entries(changes)) {
            await placeSettlement(domain, changed.sequence, now);
            expect([field, await sendBatch(domain.contract, packBatchMessage(changed, signature))]).toEqual([
                field,
                Errors.BadSignature,
            ]);
        }
        await placeSettlement(domain, batch.sequence, now);
        for (const bit of bitsOf([512])) {
            expect([bit, await sendBatch(domain.contract, flip(message, bit))]).toEqual([bit, Errors.BadSignature]);
        }
    });

    it('refuses it elsewhere, by another key, as another kind', async () => {
        for (const [what, other] of otherDomains({ ...domain, openedLt: 1n }).slice(0, 2)) {
            await placeSettlement(other, batch.sequence, now);
            expect([what, await sendBatch(other.contract, message)]).toEqual([what, Errors.BadSignature]);
        }
        await placeSettlement(domain, batch.sequence, now, stranger);
        expect(await sendBatch(domain.contract, message)).toBe(Errors.BadSignature);
        await placeSettlement(domain, batch.sequence, now);
        for (const tag of [PayloadTag.Voucher, PayloadTag.Receipt, PayloadTag.Delivery, PayloadTag.Request]) {
            const other = withSignature(message, retagged(vector, tag, worker), 0);
            expect(await sendBatch(domain.contract, other)).toBe(Errors.BadSignature);
        }
        expect(await sendBatch(domain.contract, message)).toBe(0);
    });
});

const Reward = toNano('1');

/** A job in the life of a domain that was awarded to the provider `sender`, for `Reward`. */
async function placeJob(domain: SigningDomain): Promise<void> {
    await onNetwork(domain.globalId);
    const bid = beginCell().store(
        JobEscrow.storeBid({
            $$type: 'Bid',
            provider: accountOf(sender),
            amount: Reward,
            payer: accountOf(sender),
            settlement: accountOf(settlementOfSession),
            sealedKey: null,
        }),
    );
    const data = beginCell().store(
        JobEscrow.storeJobState({
            $$type: 'JobState',
            openedLt: domain.openedLt,
            status: 2n,
            deliveryDeadline: BigInt(Forever),
            terms: packJobTerms({ ...jobOf(vectors.jobs[0].agreement), bond: toNano('0.2') }),
            listing: null,
            bid: bid.asSlice(),
        }),
    );
    await place(domain.contract, 'JobEscrow', data.endCell());
}

/** Relays a delivery as the provider does; the exit code, and the nanoTON that reached settlement and client. */
async function relayDelivery(to: Address, delivery: Cell, key = worker) {
    const { acceptedTcbStatuses, measurement, client } = jobOf(vectors.jobs[0].agreement);
    const body = beginCell().store(
        JobEscrow.storeRelayedDelivery({
            $$type: 'RelayedDelivery',
            tcbStatus: BigInt(Math.floor(Math.log2(acceptedTcbStatuses))),
            measurement: hashToBigInt(measurement!),
            workerKey: hashToBigInt(key.publicKey),
            delivery,
        }),
    );
    const { transactions } = await sendAs(chain, sender, to, toNano('1'), body.endCell());
    const sentTo = (account: Address) =>
        [...transactions[0].outMessages.values()]
            .flatMap(({ info }) => (info.type === 'internal' && info.dest.equals(account) ? [info.value.coins] : []))
            .reduce((sum, coins) => sum + coins, 0n);
    return { code: exitCodeOf(transactions[0]), paid: sentTo(settlementOfSession), returned: sentTo(client) };
}

describe.each(ofKind('delivery'))('JobEscrow and the delivery "%s"', (_name, vector) => {
    const domain = domainOf(vector.domain);
    const message = cellOf(vector.message!);
    const refused = { code: Errors.BadSignature, paid: 0n, returned: 0n };
    const delivery: Delivery = {
        outcome: vector.body.outcome as number,
        outputRoot: number(vector.body.outputRoot as string),
    };
    const accepted = delivery.outcome === JobOutcome.Delivered
        ? { code: 0, paid: Reward, returned: 0n }
        : { code: 0, paid: 0n, returned: Reward };

    it('accepts it and pays the settlement, or the client what is declined', async () => {
        await placeJob(domain);
        expect(await relayDelivery(domain.contract, message)).toEqual(accepted);
    });

    it('refuses it when any field differs', async () => {
        await placeJob(domain);
        for (const bit of bitsOf([8, 256, 512])) {
            expect([bit, await relayDelivery(domain.contract, flip(message, bit))]).toEqual([bit, refused]);
        }
    });

    it('refuses it elsewhere, in another life, by another key, as another kind', async () => {
        for (const [what, other] of otherDomains(domain)) {
            await placeJob(other);
            expect([what, await relayDelivery(other.contract, message)]).toEqual([what, refused]);
        }
        await placeJob(domain);
        expect(await relayDelivery(domain.contract, message, stranger)).toEqual(refused);
        for (const tag of [PayloadTag.Voucher, PayloadTag.Receipt, PayloadTag.Batch, PayloadTag.Request]) {
            const other = withSignature(message, retagged(vector, tag, worker), 8 + 256);
            expect(await relayDelivery(domain.contract, other)).toEqual(refused);
        }
        const signature = signPayload(deliveryPayload(domain, delivery), worker.secretKey);
        expect(await relayDelivery(domain.contract, packDelivery(delivery, signature))).toEqual(accepted);
    });
});

describe.each(vectors.reportData.map((vector) => [vector.name, vector] as const))(
    'Provider and the report_data "%s"',
    (_name, vector) => {
        const verifier = addressOfHash('66'.repeat(32));

        /** The error that it finds in a quote with these report_data and this context; 0 for none. */
        async function reasonFor(globalId: number, provider: Address, reportData: Cell, context: Cell) {
            await onNetwork(globalId);
            await place(provider, 'Provider', providerData(verifier, number(vector.nonce)));
            const body = beginCell().store(
                Provider.storeQuoteAccepted({
                    $$type: 'QuoteAccepted',
                    queryId: 0n,
                    payer: accountOf(sender),
                    expiry: BigInt(Start + 100),
                    tcbStatus: 0n,
                    evaluationNumber: 1n,
                    measurement: 2n,
                    machineId: 3n,
                    reportData,
                    context,
                }),
            );
            const { transactions } = await sendAs(chain, verifier, provider, toNano('1'), body.endCell());
            const answers = [...transactions[0].outMessages.values()].filter(({ info }) =>
                sender.equals(info.dest as Address),
            );
            return Number(Provider.loadAttestationOutcome(answers[0].body.beginParse()).reason);
        }

        const provider = addressOfHash(vector.provider);
        const reportData = beginCell().storeBuffer(bytes(vector.reportData)).endCell();
        const context = cellOf(vector.context);

        it('accepts them', async () => {
            expect(await reasonFor(vector.globalId, provider, reportData, context)).toBe(0);
        });

        it('refuses them when a field differs, on another network and at another provider', async () => {
            const reason = Errors.BadReportData;
            for (const bit of [256, 511]) {
                expect(await reasonFor(vector.globalId, provider, flip(reportData, bit), context)).toBe(reason);
            }
            for (const bit of [0, 255, 256, 511]) {
                expect(await reasonFor(vector.globalId, provider, reportData, flip(context, bit))).toBe(reason);
            }
            expect(await reasonFor(vector.globalId + 1, provider, reportData, context)).toBe(reason);
            expect(await reasonFor(vector.globalId, addressOfHash('99'.repeat(32)), reportData, context)).toBe(reason);
        });
    },
);

/** An initialised provider without offers, whose live nonce is `nonce` and whose owner is `sender`. */
function providerData(verifier: Address, nonce: bigint): Cell {
    const admission = beginCell()
        .store(
            Provider.storeAdmission({
                $$type: 'Admission',
                attester: 0n,
                current: nonce,
                currentIssued: BigInt(Start),
                previous: 0n,
                previousIssued: 0n,
            }),
        )
        .endCell();
    const attestation = beginCell()
        .store(
            Provider.storeAttestation({
                $$type: 'Attestation',
                expiry: 0n,
                tcbStatus: 0n,
                measurement: 0n,
                evaluationNumber: 0n,
                evidenceHash: 0n,
                machineId: 0n,
                attestedSeconds: 0n,
                admission,
            }),
        )
        .endCell();
    const registration = packRegistration({
        workerKey: stranger.publicKey,
        encryptionKey: EncryptionKey,
        dailyCap: 0n,
        verifier,
        endpoint: 'http://a',
    });
    const origin = beginCell().storeUint(0, 256).storeUint(0, 64).storeUint(accountOf(sender), 256).storeBit(false);
    const standing = beginCell().store(
        Provider.storeStanding({
            $$type: 'Standing',
            retired: false,
            offerCount: 0n,
            offers: Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Cell()),
            attestation,
            registration,
            origin: origin.asSlice(),
        }),
    );
    return beginCell()
        .store(
            Provider.storeProviderState({
                $$type: 'ProviderState',
                volume: 0n,
                jobsDelivered: 0n,
                jobsFailed: 0n,
                jobsDeclined: 0n,
                sessions: 0n,
                settlement: accountOf(settlementOfSession),
                standing: standing.asSlice(),
            }),
        )
        .endCell();
}

describe('SessionEscrow computes the amounts of the vectors', () => {
    const domain = domainOf(vectors.payloads[0].domain);

    it.each(vectors.amounts.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
        const amount = BigInt(vector.amount);
        await placeEscrow(domain, quad(vector.prices));
        const claimOf = (stated: bigint): Cell => {
            const receipt = { sequence: 1, tokens: quad(vector.tokens), amount: stated, transcriptHash: 0n };
            return packReceiptClaim(
                { ...receipt, signature: signPayload(receiptPayload(domain, receipt), worker.secretKey) },
                null,
            );
        };
        expect(await claimReceipt(domain.contract, claimOf(amount + 1n))).toBe(Errors.BadSignature);
        expect(await claimReceipt(domain.contract, claimOf(amount))).toBe(amount === 0n ? Errors.NothingDue : 0);
        expect(await paid(domain.contract)).toBe(amount < Balance ? amount : Balance - escrowReserve(PricesSince2026));
    });
});

describe('the contracts store the public keys of the vectors, or refuse them', () => {
    let network: TestNetwork;

    beforeAll(async () => {
        network = await TestNetwork.create();
    });

    it.each(vectors.publicKeys.map((vector) => [vector.name, vector] as const))(
        '%s',
        async (_name, { key, ed25519, x25519 }) => {
            const register = async (workerKey: Buffer, encryptionKey: Buffer) => {
                const registration = packRegistration({
                    workerKey,
                    encryptionKey,
                    dailyCap: 0n,
                    verifier: network.verifier.address,
                    endpoint: 'http://a',
                });
                const message = { $$type: 'RegisterProvider' as const, queryId: 0n, registration };
                const { transactions } = await network.registry.send(
                    network.owner.getSender(),
                    { value: toNano('2') },
                    message,
                );
                return exitCodeOf(transactions[1]);
            };
            const verdict = (accepted: boolean) => (accepted ? 0 : Errors.BadKey);
            expect(await register(bytes(key), EncryptionKey)).toBe(verdict(ed25519));
            expect(await register(worker.publicKey, bytes(key))).toBe(verdict(x25519));

            // As session key: the escrow looks at it before anything else of the terms.
            const escrow = addressOfHash('aa'.repeat(32));
            const data = beginCell()
                .storeUint(0, 64 + 32 + 64)
                .storeBuffer(bytes(key))
                .storeBuffer(settlementOfSession.hash)
                .storeRef(packTerms({ ...agreement, creditWindow: 0n, client: network.client.address }))
                .endCell();
            await network.chain.setShardAccount(
                escrow,
                createShardAccount({ address: escrow, code: code.SessionEscrow, data, balance: 0n }),
            );
            const open = { $$type: 'OpenSession' as const, queryId: 0n };
            const opened = network.chain.openContract(SessionEscrow.SessionEscrow.fromAddress(escrow));
            const { transactions } = await opened.send(network.client.getSender(), { value: toNano('1') }, open);
            expect(exitCodeOf(transactions[1])).toBe(verdict(ed25519));
        },
    );
});

describe('the contracts derive the addresses of the vectors', () => {
    it('registry, providers, settlement and escrow', async () => {
        const { chain: own, owner, deployer } = await TestNetwork.create();
        const data = cellOf(addresses.registry.data);
        const registryCode = await codeOf('ProviderRegistry');
        const registry = own.openContract(
            new ProviderRegistry.ProviderRegistry(Address.parse(addresses.registry.address), {
                code: registryCode,
                data,
            }),
        );
        await registry.send(deployer.getSender(), { value: toNano('1') }, null);
        for (const { index, address } of addresses.providers) {
            expect((await registry.getProviderAddress(BigInt(index))).toRawString()).toBe(address);
        }
        const registration = packRegistration({
            workerKey: worker.publicKey,
            encryptionKey: EncryptionKey,
            dailyCap: 0n,
            verifier: null,
            endpoint: 'http://a',
        });
        await registry.send(
            owner.getSender(),
            { value: toNano('2') },
            { $$type: 'RegisterProvider', queryId: 0n, registration },
        );
        const provider = own.openContract(Provider.Provider.fromAddress(Address.parse(addresses.providers[0].address)));
        const { settlement } = await provider.getProviderData();
        expect(addressOf(settlement).toRawString()).toBe(addresses.settlement.address);
        const { sessionKey, terms, address } = addresses.escrow;
        expect(addressOf(await provider.getEscrowAccount(number(sessionKey), cellOf(terms))).toRawString()).toBe(
            address,
        );
    });
});
