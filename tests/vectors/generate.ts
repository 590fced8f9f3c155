// Writes the test vectors: `npx ts-node -T tests/vectors/generate.ts`. tests/vectors/vectors.test.ts fails when the
// files differ from what this makes. payloads.json changes only with the protocol; addresses.json and code_hashes.json
// change with every change of the contracts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Address, beginCell, Cell } from '@ton/core';
import { KeyPair, keyPairFromSeed } from '@ton/crypto';
import {
    amountOf,
    attestationContext,
    attestationDigest,
    AttestedKeys,
    Batch,
    BatchItem,
    batchPayload,
    bigIntToHash,
    catalogDeployment,
    codeHashOf,
    ContractNames,
    Delivery,
    deliveryPayload,
    escrowDeployment,
    hashToBigInt,
    JobAgreement,
    jobDeployment,
    JobOutcome,
    JobTask,
    listingDeployment,
    MaxStoreUrl,
    OfferTerms,
    packBatchItems,
    packBatchMessage,
    packDelivery,
    packJobTerms,
    packOffer,
    packReceiptClaim,
    packSignedVoucher,
    packTerms,
    Prices,
    providerDeployment,
    providerMarket,
    Receipt,
    receiptPayload,
    registryDeployment,
    reportDataOf,
    RequestAuthorization,
    requestPayload,
    SessionAgreement,
    settlementDeployment,
    SigningDomain,
    signPayload,
    Tokens,
    Voucher,
    voucherPayload,
} from '../../wrappers';

/** JSON has no bigint: numbers that may not fit a double are decimal strings. */
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const Seeds = { session: '5e55'.repeat(16), worker: '4b0b'.repeat(16) };
const keys: Record<'session' | 'worker', KeyPair> = {
    session: keyPairFromSeed(Buffer.from(Seeds.session, 'hex')),
    worker: keyPairFromSeed(Buffer.from(Seeds.worker, 'hex')),
};

/** A recognisable 256-bit value. */
const hash = (name: string): Buffer => beginCell().storeStringTail(name).endCell().hash();
const account = (name: string): Address => new Address(0, hash(name));
const boc = (cell: Cell): string => cell.toBoc({ idx: false, crc32: true }).toString('hex');
const hex = (value: bigint): string => bigIntToHash(value).toString('hex');

const Mainnet = -239;
const Testnet = -3;
const MaxCoins = 2n ** 120n - 1n;
const MaxUint32 = 2 ** 32 - 1;
const MaxUint48 = 2n ** 48n - 1n;
const MaxUint64 = 2n ** 64n - 1n;

// ------------------------------------------------------------------------------------------------------------ payloads

const session = (changes: Partial<SigningDomain> = {}): SigningDomain => ({
    globalId: Mainnet,
    contract: account('escrow'),
    openedLt: 47_000_001n,
    ...changes,
});
const job = (changes: Partial<SigningDomain> = {}): SigningDomain => ({
    globalId: Mainnet,
    contract: account('job'),
    openedLt: 48_000_001n,
    ...changes,
});
const settlement = (changes: Partial<SigningDomain> = {}): SigningDomain => ({
    globalId: Mainnet,
    contract: account('settlement'),
    openedLt: 0n,
    ...changes,
});

function vector(
    name: string,
    kind: string,
    key: 'session' | 'worker',
    domain: SigningDomain,
    body: Json,
    payload: Cell,
    message: Cell | null,
): Json {
    return {
        name,
        kind,
        key,
        domain: {
            globalId: domain.globalId,
            workchain: domain.contract.workChain,
            contract: domain.contract.hash.toString('hex'),
            openedLt: domain.openedLt.toString(),
        },
        body,
        cell: boc(payload),
        hash: payload.hash().toString('hex'),
        signature: signPayload(payload, keys[key].secretKey).toString('hex'),
        // The cell in which body and signature travel; requests travel in HTTP headers instead.
        message: message === null ? null : boc(message),
    };
}

function voucherVector(name: string, domain: SigningDomain, voucher: Voucher): Json {
    const payload = voucherPayload(domain, voucher);
    const signature = signPayload(payload, keys.session.secretKey);
    const body = { cumulative: voucher.cumulative.toString(), receiptHash: hex(voucher.receiptHash) };
    return vector(name, 'voucher', 'session', domain, body, payload, packSignedVoucher({ ...voucher, signature }));
}

function receiptVector(name: string, domain: SigningDomain, receipt: Omit<Receipt, 'amount'>): Json {
    const full = { ...receipt, amount: amountOf(receipt.tokens, offer.prices) };
    const payload = receiptPayload(domain, full);
    const signature = signPayload(payload, keys.worker.secretKey);
    const body = {
        sequence: full.sequence,
        tokens: tokensJson(full.tokens),
        amount: full.amount.toString(),
        transcriptHash: hex(full.transcriptHash),
    };
    return vector(name, 'receipt', 'worker', domain, body, payload, packReceiptClaim({ ...full, signature }, null));
}

function batchVector(name: string, domain: SigningDomain, items: BatchItem[], changes: Partial<Batch>): Json {
    const batch = {
        sequence: 0,
        validUntil: 1_800_000_600,
        count: items.length,
        distribute: false,
        items: packBatchItems(items),
        ...changes,
    };
    const payload = batchPayload(domain, batch);
    const signature = signPayload(payload, keys.worker.secretKey);
    const body = {
        sequence: batch.sequence,
        validUntil: batch.validUntil,
        count: batch.count,
        distribute: batch.distribute,
        items: boc(batch.items),
    };
    return vector(name, 'batch', 'worker', domain, body, payload, packBatchMessage(batch, signature));
}

function deliveryVector(name: string, domain: SigningDomain, delivery: Delivery): Json {
    const payload = deliveryPayload(domain, delivery);
    const signature = signPayload(payload, keys.worker.secretKey);
    const body = { outcome: delivery.outcome, outputRoot: hex(delivery.outputRoot) };
    return vector(name, 'delivery', 'worker', domain, body, payload, packDelivery(delivery, signature));
}

function requestVector(name: string, domain: SigningDomain, request: RequestAuthorization): Json {
    const body = { validUntil: request.validUntil, requestDigest: hex(request.requestDigest) };
    return vector(name, 'request', 'session', domain, body, requestPayload(domain, request), null);
}

const offer: OfferTerms = {
    model: hash('weights'),
    prices: { prompt: 20_000_000n, cached: 5_000_000n, completion: 60_000_000n, reasoning: 60_000_001n },
    maxCreditWindow: 500_000_000n,
    minDeposit: 100_000_000n,
};
const tokensJson = (tokens: Tokens): Json => fields(tokens);
const pricesJson = (prices: Prices): Json => fields(prices);
const fields = ({ prompt, cached, completion, reasoning }: Tokens): Json => ({
    prompt: prompt.toString(),
    cached: cached.toString(),
    completion: completion.toString(),
    reasoning: reasoning.toString(),
});

const firstVoucher = { cumulative: 10_000_000n, receiptHash: 0n };
const tokens: Tokens = { prompt: 1_234n, cached: 500n, completion: 2_345n, reasoning: 67n };
const firstReceipt = { sequence: 1, tokens, transcriptHash: hashToBigInt(hash('transcript')) };
const signedVoucher = {
    ...firstVoucher,
    signature: signPayload(voucherPayload(session(), firstVoucher), keys.session.secretKey),
};
const signedReceipt = { ...firstReceipt, amount: amountOf(tokens, offer.prices) };
const items: BatchItem[] = [
    { kind: 'claimVoucher', escrow: account('escrow'), voucher: signedVoucher },
    {
        kind: 'claimReceipt',
        escrow: account('escrow'),
        voucher: signedVoucher,
        receipt: {
            ...signedReceipt,
            signature: signPayload(receiptPayload(session(), signedReceipt), keys.worker.secretKey),
        },
    },
    { kind: 'finish', escrow: account('escrow'), voucher: signedVoucher },
    { kind: 'finish', escrow: account('another escrow'), voucher: null },
];

const delivered = { outcome: JobOutcome.Delivered, outputRoot: hashToBigInt(hash('outputs')) };

function payloads(): Json[] {
    const all = { prompt: MaxUint48, cached: MaxUint48, completion: MaxUint48, reasoning: MaxUint48 };
    return [
        voucherVector('first voucher of a session', session(), firstVoucher),
        voucherVector('the same on testnet', session({ globalId: Testnet }), firstVoucher),
        voucherVector('the same for another escrow', session({ contract: account('another escrow') }), firstVoucher),
        voucherVector('the same in another life of the escrow', session({ openedLt: 47_000_003n }), firstVoucher),
        voucherVector('voucher after a receipt', session(), {
            cumulative: 123_456_789_012n,
            receiptHash: hashToBigInt(receiptPayload(session(), signedReceipt).hash()),
        }),
        voucherVector('one nanoTON', session(), { cumulative: 1n, receiptHash: 0n }),
        voucherVector('largest values', session({ openedLt: MaxUint64 }), {
            cumulative: MaxCoins,
            receiptHash: 2n ** 256n - 1n,
        }),
        receiptVector('first receipt of a session', session(), firstReceipt),
        receiptVector('the same on testnet', session({ globalId: Testnet }), firstReceipt),
        receiptVector('amount rounded up', session(), {
            sequence: 2,
            tokens: { ...tokens, reasoning: 68n },
            transcriptHash: 0n,
        }),
        receiptVector('largest values', session({ openedLt: MaxUint64 }), {
            sequence: MaxUint32,
            tokens: all,
            transcriptHash: 2n ** 256n - 1n,
        }),
        batchVector('empty batch that distributes', settlement(), [], { distribute: true }),
        batchVector('one voucher claim', settlement(), items.slice(0, 1), { sequence: 7 }),
        batchVector('the same on testnet', settlement({ globalId: Testnet }), items.slice(0, 1), { sequence: 7 }),
        batchVector('every kind of item, in two cells', settlement(), items, { sequence: MaxUint32 - 1 }),
        batchVector(
            'fifty items',
            settlement(),
            Array.from({ length: 50 }, () => items[0]),
            {},
        ),
        deliveryVector('delivered', job(), delivered),
        deliveryVector('the same on testnet', job({ globalId: Testnet }), delivered),
        deliveryVector('the same for another job', job({ contract: account('another job') }), delivered),
        deliveryVector('the same in another life of the job', job({ openedLt: 48_000_003n }), delivered),
        deliveryVector('declined: the input cannot be read', job(), { outcome: JobOutcome.Declined, outputRoot: 2n }),
        deliveryVector('largest values', job({ openedLt: MaxUint64 }), {
            outcome: JobOutcome.Delivered,
            outputRoot: 2n ** 256n - 1n,
        }),
        requestVector('request', session(), {
            validUntil: 1_800_000_060,
            requestDigest: hashToBigInt(hash('request')),
        }),
        requestVector('the same on testnet', session({ globalId: Testnet }), {
            validUntil: 1_800_000_060,
            requestDigest: hashToBigInt(hash('request')),
        }),
    ];
}

// --------------------------------------------------------------------------------------------------------- report_data

const guest: AttestedKeys = {
    workerKey: keys.worker.publicKey,
    // The base point of X25519, as it travels.
    encryptionKey: Buffer.from('09'.padEnd(64, '0'), 'hex'),
    evidenceHash: hash('GPU evidence'),
    nonce: hashToBigInt(hash('nonce')),
};

function reportDataVector(name: string, globalId: number, provider: Address, attested: AttestedKeys): Json {
    return {
        name,
        globalId,
        provider: provider.hash.toString('hex'),
        workerKey: attested.workerKey.toString('hex'),
        encryptionKey: attested.encryptionKey.toString('hex'),
        evidenceHash: attested.evidenceHash.toString('hex'),
        nonce: hex(attested.nonce),
        digest: attestationDigest(provider, globalId, attested).toString('hex'),
        reportData: reportDataOf(provider, globalId, attested).toString('hex'),
        context: boc(attestationContext(attested)),
    };
}

const reportData = (): Json[] => [
    reportDataVector('a guest', Mainnet, account('provider'), guest),
    reportDataVector('the same on testnet', Testnet, account('provider'), guest),
    reportDataVector('the same for another provider', Mainnet, account('another provider'), guest),
    reportDataVector('the same with another nonce', Mainnet, account('provider'), { ...guest, nonce: 1n }),
    reportDataVector('without a GPU', Mainnet, account('provider'), { ...guest, evidenceHash: Buffer.alloc(32) }),
];

// ------------------------------------------------------------------------------------------------------------- amounts

/** Amounts written down by hand: ceil( sum of tokens x price / 1,000,000 ). */
const Amounts: [string, Tokens, Prices, bigint][] = [
    ['nothing used', quad(0n), quad(20_000_000n), 0n],
    ['free of charge', quad(1_000_000n), quad(0n), 0n],
    ['one token of one nanoTON a million: rounded up', quad(1n, 0n, 0n, 0n), quad(1n), 1n],
    ['rounded once, not for each class', quad(1n), quad(1n), 1n],
    ['exactly one nanoTON', quad(1_000_000n, 0n, 0n, 0n), quad(1n), 1n],
    ['one more token', quad(1_000_001n, 0n, 0n, 0n), quad(1n), 2n],
    ['classes have their own prices', quad(1_000_000n), quad(1n, 20n, 300n, 4_000n), 4_321n],
    ['a common request', quad(1_000n, 0n, 500n, 0n), quad(20_000_000n, 5_000_000n, 60_000_000n, 60_000_000n), 50_000n],
    ['largest values', quad(MaxUint48), quad(MaxUint64), (4n * MaxUint48 * MaxUint64 + 999_999n) / 1_000_000n],
];

function quad(prompt: bigint, cached = prompt, completion = prompt, reasoning = prompt): Tokens & Prices {
    return { prompt, cached, completion, reasoning };
}

// --------------------------------------------------------------------------------------------------------- public keys

const FieldPrime = 2n ** 255n - 19n;
const littleEndian = (value: bigint): string => Buffer.from(hex(value), 'hex').reverse().toString('hex');
const withTopBit = (key: string): string => key.slice(0, 62) + (parseInt(key.slice(62), 16) | 0x80).toString(16);

/** Name, key on the wire, accepted as Ed25519 key, accepted as X25519 key: written down by hand, from the two RFCs. */
const PublicKeys: [string, string, boolean, boolean][] = [
    [
        'session key of these vectors',
        keys.session.publicKey.toString('hex'),
        true,
        (keys.session.publicKey[31] & 0x80) === 0,
    ],
    [
        'worker key of these vectors',
        keys.worker.publicKey.toString('hex'),
        true,
        (keys.worker.publicKey[31] & 0x80) === 0,
    ],
    ['base point of X25519', littleEndian(9n), true, true],
    ['base point of X25519, top bit set', withTopBit(littleEndian(9n)), true, false],
    ['0: order 4 (Ed25519), order 2 (X25519)', littleEndian(0n), false, false],
    ['0, sign bit set', withTopBit(littleEndian(0n)), false, false],
    ['1: identity (Ed25519), order 4 (X25519)', littleEndian(1n), false, false],
    ['1, sign bit set', withTopBit(littleEndian(1n)), false, false],
    ['2: the smallest that is accepted', littleEndian(2n), true, true],
    ['p - 1: order 2 (Ed25519), order 4 (X25519)', littleEndian(FieldPrime - 1n), false, false],
    ['p - 1, sign bit set', withTopBit(littleEndian(FieldPrime - 1n)), false, false],
    ['p - 2: the largest that is accepted', littleEndian(FieldPrime - 2n), true, true],
    ['p: not canonical', littleEndian(FieldPrime), false, false],
    ['p, sign bit set', withTopBit(littleEndian(FieldPrime)), false, false],
    ['p + 1: not canonical', littleEndian(FieldPrime + 1n), false, false],
    ['p + 9: the base point of X25519, not canonical', littleEndian(FieldPrime + 9n), false, false],
    ['2^255 - 1: the largest, not canonical', littleEndian(2n ** 255n - 1n), false, false],
    ['all bits set', 'ff'.repeat(32), false, false],
    ['order 8 on edwards25519', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', false, true],
    [
        'order 8 on edwards25519, sign bit set',
        '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
        false,
        false,
    ],
    [
        'order 8 on edwards25519, negated',
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
        false,
        true,
    ],
    [
        'order 8 on edwards25519, both negated',
        'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
        false,
        false,
    ],
    ['order 8 on curve25519', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', true, false],
    [
        'order 8 on curve25519, the other',
        '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        true,
        false,
    ],
    [
        'order 8 on curve25519, top bit set',
        withTopBit('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
        true,
        false,
    ],
];

// ------------------------------------------------------------------------------------------------- offers and terms

function offerJson(terms: OfferTerms): { [key: string]: Json } {
    return {
        model: terms.model.toString('hex'),
        prices: pricesJson(terms.prices),
        maxCreditWindow: terms.maxCreditWindow.toString(),
        minDeposit: terms.minDeposit.toString(),
    };
}

const offers: [string, OfferTerms][] = [
    ['offer', offer],
    ['smallest', { model: Buffer.alloc(32), prices: quad(0n), maxCreditWindow: 0n, minDeposit: 0n }],
    [
        'largest',
        { model: Buffer.alloc(32, 0xff), prices: quad(MaxUint64), maxCreditWindow: MaxCoins, minDeposit: MaxCoins },
    ],
];

const agreement: SessionAgreement = {
    provider: account('provider'),
    client: account('client'),
    salt: 1n,
    creditWindow: 50_000_000n,
    closeWindow: 21_600,
    leastTier: 0,
    acceptedTcbStatuses: 0,
    measurement: null,
    offer,
};
const agreements: [string, SessionAgreement][] = [
    ['tier open', agreement],
    ['tier tdx, any image', { ...agreement, leastTier: 1, acceptedTcbStatuses: 3 }],
    [
        'tier tdx, one image',
        {
            ...agreement,
            salt: MaxUint64,
            closeWindow: 2_592_000,
            leastTier: 1,
            acceptedTcbStatuses: 255,
            measurement: hash('image'),
        },
    ],
];

function agreementJson(terms: SessionAgreement): Json {
    return {
        provider: terms.provider.hash.toString('hex'),
        client: terms.client.hash.toString('hex'),
        salt: terms.salt.toString(),
        creditWindow: terms.creditWindow.toString(),
        closeWindow: terms.closeWindow,
        leastTier: terms.leastTier,
        acceptedTcbStatuses: terms.acceptedTcbStatuses,
        measurement: terms.measurement?.toString('hex') ?? null,
        offer: offerJson(terms.offer),
    };
}

const oneJob: JobAgreement = {
    client: account('client'),
    salt: 1n,
    provider: null,
    acceptedTcbStatuses: 3,
    measurement: hash('image'),
    model: hash('weights'),
    inputRoot: hash('inputs'),
    itemCount: 500,
    awardDeadline: 1_800_003_600,
    deliveryTime: 7_200,
    ceiling: 2_000_000_000n,
    bond: 200_000_000n,
    bidStep: 20_000_000n,
    market: { registry: account('registry'), providerCodeHash: hash('code of providers'), providerCodeDepth: 12 },
    specification: {
        task: JobTask.Chat,
        promptTokens: 120_000n,
        completionTokens: 60_000n,
        inputBytes: 1_048_576n,
        instructionsHash: hash('instructions'),
        inputUrl: 'https://store.example/inputs',
    },
};
const jobs: [string, JobAgreement][] = [
    ['auction', oneJob],
    ['direct, any image', { ...oneJob, provider: account('provider'), measurement: null }],
    [
        'largest values',
        {
            ...oneJob,
            salt: MaxUint64,
            acceptedTcbStatuses: 255,
            itemCount: 10_000,
            awardDeadline: MaxUint32,
            deliveryTime: MaxUint32,
            ceiling: MaxCoins,
            bond: MaxCoins,
            bidStep: MaxCoins,
            market: { ...oneJob.market, providerCodeDepth: 65_535 },
            specification: {
                task: JobTask.Embeddings,
                promptTokens: MaxUint48,
                completionTokens: MaxUint48,
                inputBytes: MaxUint48,
                instructionsHash: Buffer.alloc(32, 0xff),
                inputUrl: 'https://store.example/'.padEnd(MaxStoreUrl, 'a'),
            },
        },
    ],
];

function jobJson(terms: JobAgreement): Json {
    const { market, specification } = terms;
    return {
        client: terms.client.hash.toString('hex'),
        salt: terms.salt.toString(),
        provider: terms.provider?.hash.toString('hex') ?? null,
        acceptedTcbStatuses: terms.acceptedTcbStatuses,
        measurement: terms.measurement?.toString('hex') ?? null,
        model: terms.model.toString('hex'),
        inputRoot: terms.inputRoot.toString('hex'),
        itemCount: terms.itemCount,
        awardDeadline: terms.awardDeadline,
        deliveryTime: terms.deliveryTime,
        ceiling: terms.ceiling.toString(),
        bond: terms.bond.toString(),
        bidStep: terms.bidStep.toString(),
        market: {
            registry: market.registry.hash.toString('hex'),
            providerCodeHash: market.providerCodeHash.toString('hex'),
            providerCodeDepth: market.providerCodeDepth,
        },
        specification: {
            task: specification.task,
            promptTokens: specification.promptTokens.toString(),
            completionTokens: specification.completionTokens.toString(),
            inputBytes: specification.inputBytes.toString(),
            instructionsHash: specification.instructionsHash.toString('hex'),
            inputUrl: specification.inputUrl,
        },
    };
}

/** @returns payloads.json: what depends on the protocol alone. */
export function protocolVectors(): Json {
    return {
        about:
            'Test vectors of docs/payloads.md, made by generate.ts. Numbers that may not fit a double are decimal ' +
            'strings; hashes, keys, signatures and bags of cells are hex. Receipts use the prices of the first offer.',
        keys: {
            session: { seed: Seeds.session, publicKey: keys.session.publicKey.toString('hex') },
            worker: { seed: Seeds.worker, publicKey: keys.worker.publicKey.toString('hex') },
        },
        payloads: payloads(),
        reportData: reportData(),
        amounts: Amounts.map(([name, used, prices, amount]) => ({
            name,
            tokens: tokensJson(used),
            prices: pricesJson(prices),
            amount: amount.toString(),
        })),
        publicKeys: PublicKeys.map(([name, key, ed25519, x25519]) => ({ name, key, ed25519, x25519 })),
        offers: offers.map(([name, terms]) => ({
            name,
            offer: offerJson(terms),
            cell: boc(packOffer(terms)),
            id: packOffer(terms).hash().toString('hex'),
        })),
        terms: agreements.map(([name, terms]) => ({
            name,
            agreement: agreementJson(terms),
            cell: boc(packTerms(terms)),
            hash: packTerms(terms).hash().toString('hex'),
        })),
        jobs: jobs.map(([name, terms]) => ({
            name,
            agreement: jobJson(terms),
            cell: boc(packJobTerms(terms)),
            hash: packJobTerms(terms).hash().toString('hex'),
        })),
    };
}

// ---------------------------------------------------------------------------------------------------------- addresses

const NetworkParameters = { registrationDeposit: 1_000_000_000n, registrationFee: 100_000_000n, feeBasisPoints: 250n, listingFee: 20_000_000n };

/** @returns addresses.json: a network from its registry down to one escrow, a job and a listing; changes with the contracts. */
export async function addressVectors(): Promise<Json> {
    const parameters = { ...NetworkParameters, treasury: hashToBigInt(hash('treasury')) };
    const registry = await registryDeployment(account('governance'), null, parameters);
    const provider = await providerDeployment(registry.address, 0n);
    const second = await providerDeployment(registry.address, 1n);
    const earnings = await settlementDeployment(provider.address);
    const terms = packTerms({ ...agreement, provider: provider.address });
    const catalog = await catalogDeployment(account('curator'), 7n, 172_800);
    const work = packJobTerms({ ...oneJob, market: await providerMarket(registry.address) });
    const posted = await jobDeployment(work);
    const listing = await listingDeployment(registry.address, 1n);
    const escrow = await escrowDeployment(keys.session.publicKey, earnings.address, terms);
    return {
        about: 'Addresses of a network, made by generate.ts; they change with the code of the contracts.',
        registry: {
            governance: hash('governance').toString('hex'),
            verifier: null,
            parameters: {
                registrationDeposit: parameters.registrationDeposit.toString(),
                registrationFee: parameters.registrationFee.toString(),
                feeBasisPoints: Number(parameters.feeBasisPoints),
                treasury: hash('treasury').toString('hex'),
                listingFee: parameters.listingFee.toString(),
            },
            data: boc(registry.init.data),
            address: registry.address.toRawString(),
        },
        providers: [provider, second].map(({ address }, index) => ({ index, address: address.toRawString() })),
        settlement: { provider: provider.address.toRawString(), address: earnings.address.toRawString() },
        escrow: {
            sessionKey: keys.session.publicKey.toString('hex'),
            settlement: earnings.address.toRawString(),
            terms: boc(terms),
            data: boc(escrow.init.data),
            address: escrow.address.toRawString(),
        },
        job: { terms: boc(work), data: boc(posted.init.data), address: posted.address.toRawString() },
        listing: { index: 1, data: boc(listing.init.data), address: listing.address.toRawString() },
        catalog: {
            curator: hash('curator').toString('hex'),
            salt: '7',
            delay: 172_800,
            data: boc(catalog.init.data),
            address: catalog.address.toRawString(),
        },
    };
}

/** @returns code_hashes.json: what this release deploys. */
export async function codeHashes(): Promise<Record<string, string>> {
    const hashes = await Promise.all(ContractNames.map(codeHashOf));
    return Object.fromEntries(ContractNames.map((name, index) => [name, hashes[index].toString('hex')]));
}

/** What the files hold. */
export const format = (value: Json): string => JSON.stringify(value, null, 2) + '\n';

async function main(): Promise<void> {
    const write = (name: string, value: Json) => writeFileSync(join(__dirname, name), format(value));
    write('payloads.json', protocolVectors());
    write('addresses.json', await addressVectors());
    write('code_hashes.json', await codeHashes());
}

if (require.main === module) {
    main().catch((error: unknown) => {
        console.error(error);
        process.exit(1);
    });
}
