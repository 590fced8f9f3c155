import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ABIType, ABITypeRef, Address, beginCell, Cell, Dictionary, DictionaryValue, Slice } from '@ton/core';
import {
    attestationContext,
    attestationDigest,
    AttestationVerifier,
    batchPayload,
    BatchItem,
    CrlBuilder,
    deliveryPayload,
    JobAgreement,
    JobEscrow,
    JobListing,
    MeasurementCatalog,
    packBatchItems,
    packBatchMessage,
    packDelivery,
    packJobTerms,
    packOffer,
    packReceiptClaim,
    packRegistration,
    packSignedVoucher,
    packTerms,
    PayloadTag,
    PlatformKey,
    Provider,
    ProviderRegistry,
    Receipt,
    receiptPayload,
    reportDataOf,
    requestPayload,
    RewardSettlement,
    SessionAgreement,
    SessionEscrow,
    SigningDomain,
    voucherPayload,
} from '../../wrappers';
import { Constructor, Decoder, parseScheme, Type, Value } from './support/tlb';

const root = join(__dirname, '../..');
const scheme = parseScheme(readFileSync(join(root, 'wrappers/messages.tlb'), 'utf8'));
const decoder = new Decoder(scheme);

const contracts = {
    ProviderRegistry: ProviderRegistry.ProviderRegistry,
    Provider: Provider.Provider,
    SessionEscrow: SessionEscrow.SessionEscrow,
    RewardSettlement: RewardSettlement.RewardSettlement,
    JobEscrow: JobEscrow.JobEscrow,
    JobListing: JobListing.JobListing,
    AttestationVerifier: AttestationVerifier.AttestationVerifier,
    PlatformKey: PlatformKey.PlatformKey,
    CrlBuilder: CrlBuilder.CrlBuilder,
    MeasurementCatalog: MeasurementCatalog.MeasurementCatalog,
};
const namespaces: Record<string, unknown>[] = [
    ProviderRegistry,
    Provider,
    SessionEscrow,
    RewardSettlement,
    JobEscrow,
    JobListing,
    AttestationVerifier,
    PlatformKey,
    CrlBuilder,
    MeasurementCatalog,
];
const anywhere = new Address(0, Buffer.alloc(32, 3));
const abis = Object.values(contracts).map((contract) => contract.fromAddress(anywhere).abi);

/** Constructors that no Tact type describes: payloads and lists that contracts read bit by bit. */
const ByHand = new Set([
    'prices',
    'tokens',
    'voucher_payload',
    'receipt_payload',
    'batch_payload',
    'request_payload',
    'delivery_payload',
    'job_delivery',
    'job_specification',
    'text',
    'sealed_key',
    'listing_account',
    'no_bid',
    'best_bid',
    'fees',
    'signed_voucher',
    'no_voucher',
    'last_voucher',
    'receipt_claim',
    'batch_message',
    'batch_order',
    'items',
    'more_items',
    'claim_voucher_item',
    'claim_receipt_item',
    'finish_item',
    'chain',
    'signature',
    'signature_hint',
    'checked_facts',
    'td_facts',
    'tdx_module',
    'tcb_level',
    'svn_level',
    'attestation_payload',
    'report_data',
]);

/** What getters return just as it is stored. */
const StoredAndReturned = new Set(['Parameters', 'ListingState']);

const snake = (name: string) =>
    name.replace(/[A-Z]/g, (letter, index) => (index === 0 ? '' : '_') + letter.toLowerCase());
const pascal = (name: string) => name.replace(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase());

/** What a contract only computes with: no field has a width, so nothing of it is ever stored or sent. */
function isComputedOnly({ header, fields }: ABIType): boolean {
    return header === null && fields.some(({ type }) => type.kind === 'simple' && type.format === 257);
}

/** Our own types in all bindings, by name: not Tact's standard types, not what getters return. */
function tactTypes(): Map<string, ABIType> {
    const types = new Map<string, ABIType>();
    const returned = new Set(
        abis.flatMap(({ getters }) => getters!.map(({ returnType }) => (returnType as { type?: string }).type)),
    );
    const standard = new Set([
        'DataSize',
        'SignedBundle',
        'StateInit',
        'Context',
        'SendParameters',
        'MessageParameters',
        'DeployParameters',
        'StdAddress',
        'VarAddress',
        'BasechainAddress',
    ]);
    for (const type of abis.flatMap((abi) => abi.types!)) {
        if (
            !standard.has(type.name) &&
            !isComputedOnly(type) &&
            !type.name.endsWith('$Data') &&
            (!returned.has(type.name) || StoredAndReturned.has(type.name))
        ) {
            types.set(type.name, type);
        }
    }
    return types;
}

/** A field of the ABI in TL-B, as far as the ABI tells: cells are any reference, remainders any inline type. */
function expectField(where: string, type: Type, abi: ABITypeRef): void {
    const text = show(type);
    if (abi.kind === 'dict') {
        const value =
            abi.value === 'cell' ? '\\^\\w+' : abi.value === 'bool' ? 'Bool' : `${abi.value}${abi.valueFormat}`;
        expect(`${where}: ${text}`).toMatch(new RegExp(`: \\(HashmapE ${abi.keyFormat} ${value}\\)$`));
        return;
    }
    const plain = plainType(abi.type, abi.format);
    expect(`${where}: ${text}`).toMatch(new RegExp(abi.optional === true ? `: \\(Maybe ${plain}\\)$` : `: ${plain}$`));
}

function plainType(type: string, format: unknown): string {
    switch (type) {
        case 'uint':
            return format === 'coins' ? 'Coins' : format === 256 ? '(uint|bits)256' : `uint${format}`;
        case 'int':
            return `int${format}`;
        case 'bool':
            return 'Bool';
        case 'cell':
            return '\\^\\w+';
        case 'slice':
            return '[A-Z]\\w+'; // remaining
        default:
            if (types.has(type)) {
                return type; // a struct inside a struct
            }
            throw new Error(`Add the Tact type ${type} to this test`);
    }
}

function show({ name, args }: Type): string {
    return name === '^' ? `^${show(args[0])}` : args.length === 0 ? name : `(${name} ${args.map(show).join(' ')})`;
}

const types = tactTypes();
const messages = [...types.values()].filter(({ header }) => header !== null);
const byName = new Map(scheme.map((constructor) => [constructor.name, constructor]));

describe('messages.tlb', () => {
    it('has every message and struct of the bindings, with the same operation and fields', () => {
        for (const type of types.values()) {
            const constructor = byName.get(snake(type.name));
            expect(`${type.name}: ${constructor === undefined ? 'missing' : 'there'}`).toBe(`${type.name}: there`);
            expect([type.name, constructor!.tag]).toEqual([
                type.name,
                type.header === null ? null : { bits: 32, value: type.header },
            ]);
            expect([type.name, ...constructor!.fields.map(({ name }) => name)]).toEqual([
                type.name,
                ...type.fields.map(({ name }) => snake(name)),
            ]);
            type.fields.forEach((field, index) => {
                expectField(`${type.name}.${field.name}`, constructor!.fields[index].type, field.type);
            });
        }
    });

    it('has nothing that the bindings do not have, except what contracts read bit by bit', () => {
        const names = scheme.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(names.filter((name) => !types.has(pascal(name))).sort()).toEqual([...ByHand].sort());
    });

    it('has the opcodes of the bindings, each once', () => {
        const opcodes = new Map(
            Object.values(contracts)
                .flatMap(({ opcodes }) => Object.entries(opcodes)),
        );
        const own = scheme.filter(({ tag, result }) => tag?.bits === 32 && !result.name.endsWith('Payload'));
        expect(Object.fromEntries(own.map(({ name, tag }) => [pascal(name), tag!.value]))).toEqual(
            Object.fromEntries(opcodes),
        );
        expect(new Set(opcodes.values()).size).toBe(opcodes.size);
    });

    it('names with the result type who receives a message', () => {
        for (const [name, contract] of Object.entries(contracts)) {
            const received = contract
                .fromAddress(anywhere)
                .abi.receivers!.flatMap(({ message }) => (message.kind === 'typed' ? [snake(message.type)] : []));
            const constructors = scheme.filter(({ result }) => result.name === `${name}Message`);
            expect(constructors.map((constructor) => constructor.name).sort()).toEqual(received.sort());
        }
    });

    it('uses no type that it does not define', () => {
        const known = new Set([
            ...scheme.map(({ result }) => result.name),
            'Cell',
            'Any',
            'Coins',
            'Bool',
            'Maybe',
            'HashmapE',
            '^',
            '*',
            '##',
            '+',
        ]);
        const used = (type: Type): string[] => [type.name, ...type.args.flatMap(used)];
        const unknown = scheme.flatMap(({ fields }) => fields.flatMap(({ type }) => used(type)));
        expect(unknown.filter((name) => !known.has(name) && !/^(u?int|bits)?\d+$|^n$|^count$/.test(name))).toEqual([]);
    });

    it('has the payload tags of the wrappers', () => {
        const payloads = scheme.filter(({ result }) => result.name === 'Payload');
        expect(
            Object.fromEntries(payloads.map(({ name, tag }) => [pascal(name).replace('Payload', ''), tag!.value])),
        ).toEqual(PayloadTag);
    });
});

/** A value for a field of a Tact type, by its ABI: recognisable, and valid for what `^` refers to in the scheme. */
function sample(abi: ABITypeRef, seed: number, target: string): unknown {
    if (abi.kind === 'dict') {
        const values = { cell: packOffer(offer), bool: true, uint: seed };
        const kinds = {
            cell: Dictionary.Values.Cell(),
            bool: Dictionary.Values.Bool(),
            uint: Dictionary.Values.Uint(16),
        };
        const kind = abi.value as keyof typeof values;
        const narrow = Number(abi.keyFormat) <= 32;
        const keys = narrow ? Dictionary.Keys.Uint(Number(abi.keyFormat)) : Dictionary.Keys.BigUint(Number(abi.keyFormat));
        const dictionary = Dictionary.empty(keys as never, kinds[kind] as DictionaryValue<unknown>);
        dictionary.set((narrow ? seed : BigInt(seed)) as never, values[kind]);
        return dictionary;
    }
    if (types.has(abi.type)) {
        return { $$type: abi.type, ...encoded(abi.type).fields };
    }
    switch (abi.type) {
        case 'uint':
        case 'int':
            return BigInt(seed);
        case 'bool':
            return seed % 2 === 1;
        case 'cell':
            return target === 'Cell' ? beginCell().endCell() : encoded(target).cell;
        default:
            return encoded(target).cell.beginParse();
    }
}

/** Types that the bindings cannot build, as the wrappers do. */
const built: Record<string, () => Cell> = {
    Prices: () => beginCell().storeUint(1, 64).storeUint(2, 64).storeUint(3, 64).storeUint(4, 64).endCell(),
    SignedVoucher: () => packSignedVoucher(voucher),
    LastVoucher: () => packSignedVoucher(voucher),
    ReceiptClaim: () => packReceiptClaim(receipt, voucher),
    Any: () => encoded('Opening').cell,
    Signature: () => signature,
    Chain: () => beginCell().storeBuffer(hash(32)).endCell(),
    CheckedFacts: () => beginCell().storeRef(encoded('Platform').cell).storeRef(facts).storeRef(encoded('EnclaveFacts').cell).endCell(),
    SvnLevels: () => beginCell().storeUint(6, 16).storeUint(0, 8).endCell(),
    TcbLevel: () => beginCell().storeUint(1, 256).storeUint(2, 256).storeUint(13, 16).storeUint(0, 8).endCell(),
    JobSpecification: () => jobTerms.beginParse().loadRef().beginParse().loadRef(), // of its Work
    JobDelivery: () => packDelivery({ outcome: 1, outputRoot: 47n }, Buffer.alloc(64, 48)),
    SealedKey: () => beginCell().storeBuffer(Buffer.alloc(80, 49)).endCell(),
    ListingAccount: () => beginCell().storeBuffer(hash(50)).endCell(),
    BestBid: () => encoded('Bid').cell,
    Fees: () => beginCell().storeUint(51, 64).endCell(),
    ReportData: () => beginCell().storeBuffer(hash(30)).storeBuffer(hash(31)).endCell(),
};

function encoded(name: string): { cell: Cell; fields: Record<string, unknown> } {
    if (name in built) {
        return { cell: built[name](), fields: {} };
    }
    const constructor = byName.get(snake(name))!;
    const type = types.get(name)!;
    const fields: Record<string, unknown> = {};
    type.fields.forEach((field, index) => {
        fields[field.name] = sample(field.type, index + 5, target(constructor, index));
    });
    const store = namespaces.map((namespace) => namespace[`store${name}`]).find((found) => found !== undefined);
    const write = (store as (value: object) => (builder: ReturnType<typeof beginCell>) => void)({
        $$type: name,
        ...fields,
    });
    return { cell: beginCell().store(write).endCell(), fields };
}

/** The specification in decoded terms, with its URL as text. */
function specificationOf(terms: { [field: string]: Value }) {
    const { input_url, ...specification } = (terms as unknown as JobTermsRead).work.specification;
    return { ...specification, url: input_url.bytes_and_next.beginParse().loadStringTail() };
}

type JobTermsRead = { work: { specification: { input_url: { bytes_and_next: Cell } } } };

/** The type that a field's cell or remainder holds. */
function target({ fields }: Constructor, index: number): string {
    let type = fields[index].type;
    while (type.args.length > 0) {
        type = type.args[type.args.length - 1];
    }
    return type.name;
}

const hash = (byte: number) => Buffer.alloc(32, byte);
const signature = beginCell()
    .storeBuffer(hash(40))
    .storeBuffer(hash(41))
    .storeRef(beginCell().storeBuffer(hash(42)).storeBuffer(hash(43)).storeBuffer(hash(44)))
    .endCell();
const facts = beginCell()
    .storeBuffer(Buffer.alloc(16 + 48 + 8 + 32, 45))
    .storeRef(beginCell().storeBuffer(Buffer.alloc(64, 46)))
    .endCell();
const offer = {
    model: hash(1),
    prices: { prompt: 1n, cached: 2n, completion: 3n, reasoning: 4n },
    maxCreditWindow: 5n,
    minDeposit: 6n,
};
const job: JobAgreement = {
    client: new Address(0, hash(60)),
    salt: 61n,
    provider: null,
    acceptedTcbStatuses: 3,
    measurement: hash(62),
    model: hash(63),
    inputRoot: hash(64),
    itemCount: 65,
    awardDeadline: 66,
    deliveryTime: 67,
    ceiling: 68n,
    bond: 69n,
    bidStep: 70n,
    market: { registry: new Address(0, hash(71)), providerCodeHash: hash(72), providerCodeDepth: 73 },
    specification: {
        task: 1,
        promptTokens: 74n,
        completionTokens: 75n,
        inputBytes: 76n,
        instructionsHash: hash(77),
        inputUrl: 'https://store.example/' + 'a'.repeat(200),
    },
};
const jobTerms = packJobTerms(job);
const voucher = { cumulative: 7n, receiptHash: 8n, signature: Buffer.alloc(64, 9) };
const receipt: Receipt & { signature: Buffer } = {
    sequence: 10,
    tokens: { prompt: 11n, cached: 12n, completion: 13n, reasoning: 14n },
    amount: 15n,
    transcriptHash: 16n,
    signature: Buffer.alloc(64, 17),
};
const domain: SigningDomain = { globalId: -3, contract: new Address(0, hash(18)), openedLt: 19n };
const header = { global_id: -3n, workchain: 0n, contract: hash(18).toString('hex'), opened_lt: 19n };
const tokens = { $: 'tokens', prompt: 11n, cached: 12n, completion: 13n, reasoning: 14n };
const hex = (number: number) => number.toString(16).padStart(64, '0');
const signed = { $: 'signed_voucher', cumulative: 7n, receipt_hash: hex(8), signature: '09'.repeat(64) };

describe('a decoder that follows messages.tlb', () => {
    it.each(messages.map(({ name }) => name))('reads %s as the bindings write it', (name) => {
        const { cell, fields } = encoded(name);
        const decoded = decoder.decode(cell, byName.get(snake(name))!.result.name);
        expect(decoded.$).toBe(snake(name));
        for (const [field, value] of Object.entries(fields)) {
            const found = decoded[snake(field)];
            expect(typeof found === 'string' ? BigInt('0x' + found) : found).toEqual(
                typeof value === 'object' && value !== null
                    ? expect.anything()
                    : value,
            );
        }
    });

    it.each([...types.values()].filter(({ header }) => header === null).map(({ name }) => name))(
        'reads %s as the bindings write it',
        (name) => {
            expect(decoder.decode(encoded(name).cell, name).$).toBe(snake(name));
        },
    );

    it('reads terms, offers and registrations as the wrappers pack them', () => {
        const agreement: SessionAgreement = {
            provider: new Address(0, hash(20)),
            client: new Address(0, hash(21)),
            salt: 22n,
            creditWindow: 23n,
            closeWindow: 900,
            leastTier: 1,
            acceptedTcbStatuses: 3,
            measurement: hash(24),
            offer,
        };
        expect(decoder.decode(packTerms(agreement), 'SessionTerms')).toEqual({
            $: 'session_terms',
            least_tier: 1n,
            accepted_tcb_statuses: 3n,
            provider: hash(20).toString('hex'),
            client: hash(21).toString('hex'),
            conditions: {
                $: 'conditions',
                salt: 22n,
                close_window: 900n,
                credit_window: 23n,
                measurement: hash(24).toString('hex'),
                offer: {
                    $: 'offer',
                    max_credit_window: 5n,
                    min_deposit: 6n,
                    model: hash(1).toString('hex'),
                    prices: { $: 'prices', prompt: 1n, cached: 2n, completion: 3n, reasoning: 4n },
                },
            },
        });
        const registration = packRegistration({
            workerKey: hash(25),
            encryptionKey: hash(26),
            dailyCap: 27n,
            verifier: new Address(0, hash(28)),
            endpoint: 'http://a',
        });
        expect(decoder.decode(registration, 'Registration')).toMatchObject({
            daily_cap: 27n,
            verifier: hash(28).toString('hex'),
            worker_key: hash(25).toString('hex'),
        });
    });

    it('reads the terms of a job as the wrappers pack them', () => {
        const { url, ...specification } = specificationOf(decoder.decode(jobTerms, 'JobTerms'));
        expect(specification).toEqual({
            $: 'job_specification',
            task: 1n,
            prompt_tokens: 74n,
            completion_tokens: 75n,
            input_bytes: 76n,
            instructions_hash: hash(77).toString('hex'),
        });
        expect(url).toBe(job.specification.inputUrl);
        expect(decoder.decode(jobTerms, 'JobTerms')).toMatchObject({
            bond: 69n,
            accepted_tcb_statuses: 3n,
            measurement: hash(62).toString('hex'),
            work: {
                client: hash(60).toString('hex'),
                salt: 61n,
                model: hash(63).toString('hex'),
                input_root: hash(64).toString('hex'),
                item_count: 65n,
            },
            auction: {
                provider: hex(0),
                award_deadline: 66n,
                ceiling: 68n,
                bid_step: 70n,
                delivery_time: 67n,
                market: {
                    registry: hash(71).toString('hex'),
                    provider_code_hash: hash(72).toString('hex'),
                    provider_code_depth: 73n,
                },
            },
        });
    });

    it('reads a delivery, payload and what travels', () => {
        const delivery = { outcome: 2, outputRoot: 3n };
        const stated = { outcome: 2n, output_root: hex(3) };
        expect(decoder.decode(deliveryPayload(domain, delivery), 'Payload')).toEqual({
            $: 'delivery_payload',
            ...header,
            ...stated,
        });
        expect(decoder.decode(packDelivery(delivery, Buffer.alloc(64, 48)), 'JobDelivery')).toEqual({
            $: 'job_delivery',
            ...stated,
            signature: '30'.repeat(64),
        });
    });

    it('reads what report_data bind', () => {
        const keys = { workerKey: hash(30), encryptionKey: hash(31), evidenceHash: hash(32), nonce: 33n };
        const context = attestationContext(keys);
        const read = {
            $: 'attestation_context',
            encryption_key: hash(31).toString('hex'),
            evidence_hash: hash(32).toString('hex'),
            nonce: hex(33),
        };
        expect(decoder.decode(context, 'AttestationContext')).toEqual(read);
        const provider = new Address(0, hash(34));
        const digest = attestationDigest(provider, -3, keys).toString('hex');
        const reported = beginCell().storeBuffer(reportDataOf(provider, -3, keys)).endCell();
        expect(decoder.decode(reported, 'ReportData')).toEqual({
            $: 'report_data',
            worker_key: hash(30).toString('hex'),
            digest,
        });
        // The preimage is longer than a cell: its bits, by the scheme.
        const { tag, fields } = byName.get('attestation_payload')!;
        expect(fields.map(({ name, type }) => `${name}:${show(type)}`)).toEqual([
            'global_id:int32',
            'workchain:int8',
            'provider:bits256',
            'context:AttestationContext',
        ]);
        const preimage = Buffer.concat([
            Buffer.from(tag!.value.toString(16), 'hex'),
            beginCell().storeInt(-3, 32).storeInt(0, 8).storeBuffer(provider.hash).endCell().asSlice().loadBuffer(37),
            context.beginParse().loadBuffer(96),
        ]);
        expect(createHash('sha256').update(preimage).digest('hex')).toBe(digest);
    });

    it('reads the signed payloads', () => {
        expect(decoder.decode(voucherPayload(domain, voucher), 'Payload')).toEqual({
            $: 'voucher_payload',
            ...header,
            cumulative: 7n,
            receipt_hash: hex(8),
        });
        expect(decoder.decode(receiptPayload(domain, receipt), 'Payload')).toEqual({
            $: 'receipt_payload',
            ...header,
            sequence: 10n,
            tokens,
            amount: 15n,
            transcript_hash: hex(16),
        });
        expect(decoder.decode(requestPayload(domain, { validUntil: 28, requestDigest: 29n }), 'Payload')).toEqual({
            $: 'request_payload',
            ...header,
            valid_until: 28n,
            request_digest: hex(29),
        });
    });

    it.each([0, 1, 3, 4, 6, 50])('reads a batch of %i items, payload and message', (count) => {
        const kinds: BatchItem[] = [
            { kind: 'claimVoucher', escrow: domain.contract, voucher },
            { kind: 'claimReceipt', escrow: domain.contract, receipt, voucher: null },
            { kind: 'finish', escrow: domain.contract, voucher },
            { kind: 'finish', escrow: domain.contract, voucher: null },
        ];
        const items = Array.from({ length: count }, (_, index) => kinds[index % kinds.length]);
        const batch = { sequence: 30, validUntil: 31, count, distribute: true, items: packBatchItems(items) };
        const payload = decoder.decode(batchPayload({ ...domain, openedLt: 0n }, batch), 'Payload');
        const message = decoder.decode(packBatchMessage(batch, Buffer.alloc(64, 32)), 'BatchMessage');
        expect(message).toEqual({ $: 'batch_message', signature: '20'.repeat(64), order: payload.order });
        expect(payload.order).toMatchObject({ sequence: 30n, valid_until: 31n, count, distribute: true });

        type Items = { items: object[]; next?: Items };
        const flat = ({ items: own, next }: Items): object[] => [...own, ...(next === undefined ? [] : flat(next))];
        const account = hash(18).toString('hex');
        const expected = [
            { $: 'claim_voucher_item', account, voucher: signed },
            {
                $: 'claim_receipt_item',
                account,
                claim: {
                    $: 'receipt_claim',
                    signature: '11'.repeat(64),
                    sequence: 10n,
                    tokens,
                    transcript_hash: hex(16),
                    voucher: null,
                },
            },
            { $: 'finish_item', account, voucher: { $: 'last_voucher', voucher: signed } },
            { $: 'finish_item', account, voucher: { $: 'no_voucher' } },
        ];
        const order = payload.order as unknown as { items: Items };
        expect(flat(order.items)).toEqual(items.map((_, index) => expected[index % expected.length]));
    });
});
