import { Address, beginCell, Cell, Dictionary, toNano, Transaction } from '@ton/core';
import { KeyPair } from '@ton/crypto';
import { BlockchainSnapshot, createEmptyShardAccount, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import { createPrivateKey, sign } from 'crypto';
import fc from 'fast-check';
import {
    accountOf, addressOf, BatchItem, batchPayload, Deployment, escrowDeployment, escrowReserve, OfferTerms, packBatchItems, packBatchMessage,
    packOffer, packSignedVoucher, packTerms, Provider, providerDeployment, ProviderRegistry, providerReserve, registryReserve,
    reportDataOf, RewardSettlement, SessionAgreement, SessionEscrow, settlementDeployment, settlementReserve, SignedVoucher, Tier, voucherPayload,
} from '../wrappers';
import { dataOf, pricesOf } from './support/chain';
import { EncryptionKey, GlobalId, testKey, TestNetwork, TestOffer, TestParameters } from './support/network';
import { chainConfig } from './support/prices';
import { deploySettlement, offerHash, requestNonce, retire, setKeys, updateOfferCells } from './provider/messages';
import { guest, verdictOn } from './provider/quotes';
import { refreshAttestation } from './session/messages';

// Thousands of transactions: cells are hashed by the machine, not in JavaScript.

// Random lives of a small network on the real contracts. Whatever happens in whatever order, coins are neither made nor
// lost, nobody pays more than it signed for, and in the end everyone leaves with what is its own.

const Runs = Number(process.env.FUZZ_RUNS ?? 14);
const Commands = 30;
const Seed = Number(process.env.FUZZ_SEED ?? 4_242);

const Offers: OfferTerms[] = [
    TestOffer,
    { ...TestOffer, model: Buffer.alloc(32, 8), maxCreditWindow: 0n, minDeposit: 0n },
    { ...TestOffer, model: Buffer.alloc(32, 9), minDeposit: toNano('1') },
];
const PriceSets = (['old', '2026'] as const).map(chainConfig);
const WorkerKey = testKey('worker');
const SessionKey = testKey('session');
const StrangersKey = testKey('stranger');

type Wallet = SandboxContract<TreasuryContract>;
const keyOf = (address: Address) => address.toRawString();
const Opcode = {
    claimVoucher: 0x5e550001, openSession: 0x5e550002, confirmSession: 0x5e550003, finishSession: 0x5e550007, sessionClosed: 0x5e55000c, payout: 0x5e55000d,
    refreshAttestation: 0x5e55000e,
};

/** As signPayload, by the machine's own Ed25519: this file signs a thousand payloads. */
function signFast(payload: Cell, { secretKey }: KeyPair): Buffer {
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secretKey.subarray(0, 32)]);
    return sign(null, payload.hash(), createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
}

function operationOf(body: Cell): number {
    return body.bits.length < 32 ? 0 : body.beginParse().preloadUint(32);
}

/** One escrow account over all its lives. */
class Session {
    /** The highest amount that the client has signed for, by the life it was signed in. */
    readonly signed = new Map<bigint, bigint>();
    /** nanoTON that really left for the settlement, by life. */
    readonly paid = new Map<bigint, bigint>();
    /** nanoTON by where they went; the account's balance is the rest. */
    readonly flow = { in: 0n, payouts: 0n, refunds: 0n, toProvider: 0n, returned: 0n, fees: 0n };

    constructor(
        readonly agreement: SessionAgreement, readonly deployment: Deployment, readonly client: Wallet, readonly provider: ProviderSide,
    ) {}

    get address(): Address {
        return this.deployment.address;
    }
}

class ProviderSide {
    constructor(readonly owner: Wallet, readonly provider: Address, readonly settlement: Address) {}
}

class World {
    readonly sessions: Session[] = [];
    readonly providers: ProviderSide[] = [];
    readonly balances = new Map<string, bigint>();
    /** What validators took since the beginning. */
    fees = 0n;
    total = 0n;
    elapsed = 0;
    salt = 0n;

    constructor(readonly network: TestNetwork, readonly clients: Wallet[], readonly owners: Wallet[]) {
        for (const { address, account } of network.chain.snapshot().contracts) {
            this.balances.set(keyOf(address), account.account?.storage.balance.coins ?? 0n);
        }
        this.total = this.held();
        this.providers.push(new ProviderSide(network.owner, network.provider.address, network.settlement.address));
    }

    get chain() {
        return this.network.chain;
    }

    get stranger(): Wallet {
        return this.network.stranger;
    }

    held(): bigint {
        return [...this.balances.values()].reduce((sum, coins) => sum + coins, 0n);
    }

    pick<T>(list: T[], index: number): T {
        return list[index % list.length];
    }

    async escrowState(session: Session) {
        const data = await dataOf(this.chain, session.address);
        return data && SessionEscrow.loadSessionState(data.beginParse());
    }

    async send(from: Wallet, to: Address, value: bigint, body: Cell = Cell.EMPTY, init?: Deployment['init']): Promise<void> {
        await this.observe(() => from.send({ to, value, body, init, bounce: true }));
    }

    /** Runs one step, and holds everything that must be true of every step against each of its transactions. */
    async observe(step: () => Promise<SendMessageResult | undefined>): Promise<void> {
        const states = new Map<string, Awaited<ReturnType<World['escrowState']>>>();
        for (const session of this.sessions) {
            states.set(keyOf(session.address), await this.escrowState(session));
        }
        const result = await step();
        const touched = new Set<string>();
        for (const transaction of result?.transactions ?? []) {
            const address = addressOf(transaction.address);
            touched.add(keyOf(address));
            this.account(address, transaction, states);
        }
        // The ledger that was kept from the transactions alone is the chain's own.
        for (const key of touched) {
            expect([key, (await this.chain.getContract(Address.parse(key))).balance]).toEqual([key, this.balances.get(key)]);
        }
        expect(this.held() + this.fees).toBe(this.total);
        for (const session of this.sessions) {
            await this.checkSession(session);
        }
    }

    private account(address: Address, transaction: Transaction, states: Map<string, Awaited<ReturnType<World['escrowState']>>>): void {
        const key = keyOf(address);
        const { inMessage, totalFees, description } = transaction;
        if (description.type !== 'generic') {
            throw new Error('Only ordinary transactions happen here.');
        }
        const incoming = inMessage?.info.type === 'internal' ? inMessage.info : undefined;
        const before = this.balances.get(key) ?? 0n;
        const out = [...transaction.outMessages.values()].map((message) => {
            if (message.info.type !== 'internal') {
                throw new Error('Our contracts send no external messages.');
            }
            const { dest, value, forwardFee, bounced } = message.info;
            return { dest, bounced, left: value.coins + forwardFee, value: value.coins, operation: operationOf(message.body), body: message.body };
        });
        const left = out.reduce((sum, one) => sum + one.left, 0n);
        const after = before + (incoming?.value.coins ?? 0n) - totalFees.coins - left;
        this.balances.set(key, after);
        // The part of a forward fee that travels with the message is the validators', too.
        this.fees += totalFees.coins + out.reduce((sum, one) => sum + one.left - one.value, 0n);

        const rent = description.storagePhase?.storageFeesCollected ?? 0n;
        const reserve = this.reserveOf(address);
        if (reserve !== undefined && out.some((one) => !one.bounced) && !description.destroyed) {
            // What an account sends never reaches into its reserve; only rent does.
            const floor = before - rent < reserve ? before - rent : reserve;
            expect([key, after >= floor]).toEqual([key, true]);
        }
        const session = this.sessions.find((one) => one.address.equals(address));
        if (session === undefined) {
            return;
        }

        // Where an escrow's coins can go: the provider's settlement, the client, the provider, or back to who sent them.
        const { flow, provider, client } = session;
        flow.in += incoming?.value.coins ?? 0n;
        flow.fees += totalFees.coins;
        const operation = inMessage ? operationOf(inMessage.body) : 0;
        for (const one of out) {
            if (one.bounced) {
                expect(one.dest.equals(incoming!.src)).toBe(true);
                flow.returned += one.left;
            } else if (one.dest.equals(provider.settlement)) {
                expect(one.operation).toBe(Opcode.payout);
                flow.payouts += one.left;
            } else if (one.dest.equals(session.agreement.provider)) {
                expect([Opcode.confirmSession, Opcode.sessionClosed]).toContain(one.operation);
                flow.toProvider += one.left;
            } else if (operation === Opcode.refreshAttestation) {
                expect([one.dest.toRawString(), one.operation]).toEqual([incoming!.src.toRawString(), 0]);
                flow.returned += one.left;
            } else {
                expect([one.dest.toRawString(), one.operation]).toEqual([client.address.toRawString(), 0]);
                flow.refunds += one.left;
            }
        }
        expect(flow.in).toBe(flow.payouts + flow.refunds + flow.toProvider + flow.returned + flow.fees + after);

        // What a claim pays is exactly what it says, and what a last voucher pays is told to the provider.
        if (operation === Opcode.refreshAttestation && out.some((one) => !one.bounced)) {
            // It pays its own way: not a nanoTON of the deposit moves.
            expect(after).toBe(before - rent);
            count('refreshes');
        }
        const state = states.get(key);
        const succeeded = description.computePhase.type === 'vm' && description.computePhase.success && description.actionPhase?.success;
        if (!succeeded || !state) {
            return;
        }
        const most = before - rent - escrowReserve(pricesOf(this.chain));
        const due = (voucher: Cell | null) => {
            const cumulative = voucher === null || voucher.bits.length === 0 ? 0n : voucher.beginParse().loadCoins();
            const payment = cumulative - state.claimed < most ? cumulative - state.claimed : most;
            return payment > 0n ? payment : 0n;
        };
        if (operation === Opcode.claimVoucher) {
            const payment = due(inMessage!.body.refs[0]);
            expect(payment).toBeGreaterThan(0n);
            expect(before - rent - after).toBe(payment);
            expect(after).toBeGreaterThanOrEqual(escrowReserve(pricesOf(this.chain)));
            session.paid.set(state.openedLt, (session.paid.get(state.openedLt) ?? 0n) + payment);
            states.set(key, { ...state, claimed: state.claimed + payment });
            count('claims');
        } else if (operation === Opcode.finishSession) {
            const payment = due(inMessage!.body.refs[0]);
            const paid = out.find((one) => one.operation === Opcode.payout)?.value ?? 0n;
            expect(paid).toBe(payment);
            const news = out.find((one) => one.operation === Opcode.sessionClosed);
            if (news) {
                expect(Provider.loadSessionClosed(news.body.beginParse()).claimed).toBe(state.claimed + payment);
            }
            expect((session.paid.get(state.openedLt) ?? 0n) + payment).toBeLessThanOrEqual(session.signed.get(state.openedLt) ?? 0n);
            expect(after).toBe(0n);
            count('finishes');
        }
        if (description.destroyed) {
            count('endings');
        }
    }

    private async checkSession(session: Session): Promise<void> {
        const state = await this.escrowState(session);
        if (state && state.claimsUntil !== 0n) {
            // What was paid is what is booked, and never more than was signed for: without an enclave there is no credit.
            expect(state.claimed).toBe(session.paid.get(state.openedLt) ?? 0n);
            expect(state.claimed).toBeLessThanOrEqual(session.signed.get(state.openedLt) ?? 0n);
        }
    }

    private reserveOf(address: Address): bigint | undefined {
        const prices = pricesOf(this.chain);
        if (address.equals(this.network.registry.address)) { return registryReserve(prices); }
        if (this.providers.some((one) => one.provider.equals(address))) { return providerReserve(prices); }
        if (this.providers.some((one) => one.settlement.equals(address))) { return settlementReserve(prices); }
        return this.sessions.some((one) => one.address.equals(address)) ? escrowReserve(prices) : undefined;
    }

    /** A voucher of the client, for the session as it is now. */
    async sign(session: Session, cumulative: bigint): Promise<SignedVoucher> {
        const openedLt = (await this.escrowState(session))?.openedLt ?? 0n;
        const signed = session.signed.get(openedLt) ?? 0n;
        session.signed.set(openedLt, cumulative > signed ? cumulative : signed);
        const domain = { globalId: GlobalId, contract: session.address, openedLt };
        const voucher = { cumulative, receiptHash: 0n };
        return { ...voucher, signature: signFast(voucherPayload(domain, voucher), SessionKey) };
    }

    async batch(side: ProviderSide, items: BatchItem[], distribute: boolean): Promise<void> {
        const data = await dataOf(this.chain, side.settlement);
        const { sequence } = RewardSettlement.loadSettlementState(data!.beginParse());
        const batch = {
            sequence: Number(sequence), validUntil: this.chain.now! + 600, count: items.length, distribute, items: packBatchItems(items),
        };
        const domain = { globalId: GlobalId, contract: side.settlement, openedLt: 0n };
        const body = packBatchMessage(batch, signFast(batchPayload(domain, batch), WorkerKey));
        await this.observe(() => this.chain
            .sendMessage({ info: { type: 'external-in', dest: side.settlement, importFee: 0n }, body })
            .then((result) => { count('batches'); return result; }, () => undefined)); // not accepted: nothing has happened
    }

    register(owner: Wallet, value: bigint): Promise<void> {
        return this.send(owner, this.network.registry.address, value, store(ProviderRegistry.storeRegisterProvider(this.network.registration())));
    }
}

/** How often something came about, over all runs: a test of things that never happen would prove nothing. */
const happened = new Map<string, number>();
const count = (what: string) => happened.set(what, (happened.get(what) ?? 0) + 1);

function store(write: (builder: ReturnType<typeof beginCell>) => void): Cell {
    return beginCell().store(write).endCell();
}

/** A command: what it does with random numbers, and its name for the report of a failure. */
class Command {
    constructor(readonly name: string, readonly numbers: readonly number[], readonly act: (world: World, ...numbers: number[]) => Promise<void>) {}

    run(world: World): Promise<void> {
        return this.act(world, ...this.numbers);
    }

    toString(): string {
        return `${this.name}(${this.numbers.join(', ')})`;
    }

    /** How fast-check prints it. */
    [fc.toStringMethod](): string {
        return this.toString();
    }
}

const many = fc.nat(1_000_000);
/** nanoTON from nothing to two and a half coins, with the small and the round ones often. */
const amount = fc.oneof(fc.nat(2_500_000_000), fc.constantFrom(0, 1, 1000, 10_000_000, 100_000_000, 1_000_000_000));
/** Value of a message: sometimes too little. */
const value = fc.oneof(fc.constant(300_000_000), fc.constantFrom(1, 1_000_000, 5_000_000, 20_000_000, 60_000_000));

function command(name: string, arbitraries: fc.Arbitrary<number>[], act: (world: World, ...numbers: number[]) => Promise<void>) {
    return fc.tuple(...arbitraries).map((numbers) => new Command(name, numbers, act));
}

async function addSession(world: World, who: number, which: number, changes: Partial<SessionAgreement> = {}): Promise<Session> {
    const side = world.pick(world.providers, which);
    const client = world.pick(world.clients, who);
    const agreement: SessionAgreement = {
        provider: side.provider, client: client.address, salt: world.salt++, creditWindow: 0n, closeWindow: world.pick([900, 21_600, 2_592_000], which),
        leastTier: Tier.Open, acceptedTcbStatuses: 0, measurement: null, offer: world.pick(Offers, who + which), ...changes,
    };
    const deployment = await escrowDeployment(SessionKey.publicKey, side.settlement, packTerms(agreement));
    const session = new Session(agreement, deployment, client, side);
    world.sessions.push(session);
    return session;
}

const openBody = store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n }));
const simple = {
    startClose: store(SessionEscrow.storeStartClose({ $$type: 'StartClose', queryId: 0n })),
    finishClose: store(SessionEscrow.storeFinishClose({ $$type: 'FinishClose', queryId: 0n })),
    reclaim: store(SessionEscrow.storeReclaim({ $$type: 'Reclaim', queryId: 0n })),
    topUp: store(SessionEscrow.storeTopUp({ $$type: 'TopUp', queryId: 0n })),
    distribute: store(RewardSettlement.storeDistribute({ $$type: 'Distribute', queryId: 0n })),
    syncFee: store(RewardSettlement.storeSyncFee({ $$type: 'SyncFee', queryId: 0n })),
    fundFees: store(RewardSettlement.storeFundFees({ $$type: 'FundFees', queryId: 0n })),
    collectFees: store(ProviderRegistry.storeCollectFees({ $$type: 'CollectFees', queryId: 0n })),
    applyParameters: store(ProviderRegistry.storeApplyParameters({ $$type: 'ApplyParameters', queryId: 0n })),
};
const claimBody = (voucher: SignedVoucher) => store(SessionEscrow.storeClaimVoucher({ $$type: 'ClaimVoucher', voucher: packSignedVoucher(voucher) }));

/** Something done to a session that exists. */
function withSession(name: string, arbitraries: fc.Arbitrary<number>[], act: (world: World, session: Session, ...numbers: number[]) => Promise<void>) {
    return command(name, [many, ...arbitraries], async (world, index, ...numbers) => {
        if (world.sessions.length > 0) {
            await act(world, world.pick(world.sessions, index), ...numbers);
        }
    });
}

function withProvider(name: string, arbitraries: fc.Arbitrary<number>[], act: (world: World, side: ProviderSide, ...numbers: number[]) => Promise<void>) {
    return command(name, [many, ...arbitraries], (world, index, ...numbers) => act(world, world.pick(world.providers, index), ...numbers));
}

async function openSession(world: World, who: number, which: number, deposit: number): Promise<void> {
    const session = await addSession(world, who, which);
    await world.send(session.client, session.address, BigInt(deposit) + toNano('0.2'), openBody, session.deployment.init);
    count((await world.escrowState(session))?.claimsUntil ? 'openings' : 'refusals');
}

const open = command('open', [many, many, amount], openSession);

const claim = withSession('claim', [amount, value], async (world, session, cumulative, sent) =>
    world.send(world.stranger, session.address, BigInt(sent), claimBody(await world.sign(session, BigInt(cumulative)))));

/** Somebody asks for a nonce, and the verifier accepts a quote that answers it. */
async function attest(world: World, side: ProviderSide, sent: number): Promise<void> {
    await world.send(world.stranger, side.provider, BigInt(sent), requestNonce());
    const { nonce } = await world.chain.openContract(Provider.Provider.fromAddress(side.provider)).getAttestationNonce();
    const keys = guest(nonce, { workerKey: WorkerKey.publicKey });
    await world.send(world.network.verifier, side.provider, BigInt(sent), verdictOn(world.network, keys, {
        payer: accountOf(side.owner.address), expiry: BigInt(world.chain.now! + 86_400),
        reportData: beginCell().storeBuffer(reportDataOf(side.provider, GlobalId, keys)).endCell(),
    }));
    count('verdicts');
}

const commands: fc.Arbitrary<Command>[] = [
    command('register', [many, amount], async (world, who, more) => {
        if (world.providers.length >= 3) { return; }
        const index = await world.network.registry.getProviderCount();
        const { address } = await providerDeployment(world.network.registry.address, index);
        const side = new ProviderSide(world.pick(world.owners, who), address, (await settlementDeployment(address)).address);
        world.providers.push(side);
        await world.register(side.owner, toNano('1.1') + BigInt(more));
        if (await world.network.registry.getProviderCount() === index) { world.providers.pop(); } else { count('registrations'); }
    }),
    withProvider('updateOffers', [many, many, value], async (world, side, add, remove, sent) => world.send(side.owner, side.provider, BigInt(sent), updateOfferCells(
        remove % 4 < 3 && add % 2 ? offerHash(Offers[remove % 4]) : null, add % 4 < 3 ? packOffer(Offers[add % 4]) : null,
    ))),
    open, open, open,
    command('openWrongly', [many, many, amount, many], async (world, who, which, deposit, how) => {
        const mistakes: Partial<SessionAgreement>[] = [
            { leastTier: Tier.Tdx }, { closeWindow: 899 }, { closeWindow: 2_592_001 }, { creditWindow: toNano('9') },
            { offer: { ...TestOffer, prices: { prompt: 0n, cached: 0n, completion: 0n, reasoning: 0n } } }, { provider: addressOf(1234n) },
        ];
        const session = await addSession(world, who, which, world.pick(mistakes, how));
        await world.send(session.client, session.address, BigInt(deposit) + toNano('0.2'), openBody, session.deployment.init);
    }),
    command('openAttested', [many, many, amount], async (world, who, which, deposit) => {
        const session = await addSession(world, who, which, { leastTier: Tier.Tdx, acceptedTcbStatuses: 0xff });
        await attest(world, session.provider, 300_000_000);
        await world.send(session.client, session.address, BigInt(deposit) + toNano('0.2'), openBody, session.deployment.init);
        await world.send(world.stranger, session.address, toNano('0.3'), refreshAttestation());
    }),
    withProvider('attest', [value], attest),
    withSession('refresh', [value, many], (world, session, sent, who) =>
        world.send(who % 2 ? session.client : world.stranger, session.address, BigInt(sent), refreshAttestation())),
    command('deployForSomeone', [many, many, amount], async (world, who, which, gift) => {
        const session = await addSession(world, who, which);
        await world.send(world.stranger, session.address, BigInt(gift) + 1n, Cell.EMPTY, session.deployment.init);
    }),
    withSession('openAgain', [amount, many], (world, session, deposit, who) =>
        world.send(who % 3 ? session.client : world.stranger, session.address, BigInt(deposit) + toNano('0.2'), openBody, session.deployment.init)),
    claim, claim, claim,
    withSession('claimWithWrongKey', [amount], async (world, session, cumulative) => {
        const voucher = await world.sign(session, 0n);
        const payload = voucherPayload({ globalId: GlobalId, contract: session.address, openedLt: 0n }, { cumulative: BigInt(cumulative), receiptHash: 0n });
        const forged = { ...voucher, cumulative: BigInt(cumulative), signature: signFast(payload, StrangersKey) };
        await world.send(world.stranger, session.address, toNano('0.3'), claimBody(forged));
    }),
    withProvider('batch', [many, amount, many], async (world, side, mask, cumulative, how) => {
        const items: BatchItem[] = [];
        for (const [index, session] of world.sessions.slice(-8).entries()) {
            if ((mask >> index) & 1) {
                const voucher = await world.sign(session, BigInt(cumulative) + BigInt(index));
                items.push(how % 5 === 0 && index % 2 ? { kind: 'finish', escrow: session.address, voucher } : { kind: 'claimVoucher', escrow: session.address, voucher });
            }
        }
        if (how % 3 === 0) { // junk: nobody's account, and one of ours that takes no claims
            const voucher = { cumulative: 1n, receiptHash: 0n, signature: Buffer.alloc(64, 1) };
            items.push({ kind: 'claimVoucher', escrow: addressOf(77n), voucher }, { kind: 'finish', escrow: side.provider, voucher: null });
        }
        await world.batch(side, items, how % 2 === 0);
    }),
    withSession('finishByProvider', [amount, many], async (world, session, cumulative, how) => world.batch(session.provider, [{
        kind: 'finish', escrow: session.address, voucher: how % 3 ? await world.sign(session, BigInt(cumulative)) : null,
    }], how % 2 === 0)),
    withSession('topUp', [amount, many], (world, session, more, how) =>
        world.send(how % 2 ? world.stranger : session.client, session.address, BigInt(more) + 1n, how % 3 ? simple.topUp : Cell.EMPTY)),
    withSession('dust', [], (world, session) => world.send(world.stranger, session.address, 1n)),
    withSession('startClose', [value, many], (world, session, sent, who) =>
        world.send(who % 4 ? session.client : world.stranger, session.address, BigInt(sent), simple.startClose)),
    withSession('finishClose', [value, many], (world, session, sent, who) =>
        world.send(who % 2 ? session.client : world.stranger, session.address, BigInt(sent), simple.finishClose)),
    withSession('reclaim', [value, many], (world, session, sent, who) =>
        world.send(who % 4 ? session.client : world.stranger, session.address, BigInt(sent), simple.reclaim)),
    withProvider('distribute', [value], (world, side, sent) => world.send(world.stranger, side.settlement, BigInt(sent), simple.distribute)),
    withProvider('syncFee', [value], (world, side, sent) => world.send(world.stranger, side.settlement, BigInt(sent), simple.syncFee)),
    withProvider('fundFees', [amount], (world, side, more) => world.send(side.owner, side.settlement, BigInt(more) + 1n, simple.fundFees)),
    withProvider('releaseFees', [amount, many], (world, side, much, who) => world.send(who % 4 ? side.owner : world.stranger, side.settlement, toNano('0.3'),
        store(RewardSettlement.storeReleaseFees({ $$type: 'ReleaseFees', queryId: 0n, amount: BigInt(much) })))),
    withProvider('split', [many], (world, side, share) => {
        const beneficiaries = Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Uint(16))
            .set(accountOf(side.owner.address), 10_000 - (share % 9_999) - 1).set(accountOf(world.network.deployer.address), (share % 9_999) + 1);
        return world.send(side.owner, side.settlement, toNano('0.3'),
            store(RewardSettlement.storeSetBeneficiaries({ $$type: 'SetBeneficiaries', queryId: 0n, beneficiaries })));
    }),
    withProvider('refillFloat', [many], (world, side, share) => world.send(side.owner, side.settlement, toNano('0.3'), store(
        RewardSettlement.storeSetFeeLimits({ $$type: 'SetFeeLimits', queryId: 0n, dailyCap: toNano('10'), floatBasisPoints: BigInt(share % 10_001) })))),
    withProvider('setKeys', [value], (world, side, sent) => world.send(side.owner, side.provider, BigInt(sent), setKeys(WorkerKey.publicKey, EncryptionKey))),
    withProvider('retire', [value, many], (world, side, sent, who) =>
        who % 3 ? Promise.resolve() : world.send(side.owner, side.provider, BigInt(sent), retire())),
    withProvider('deploySettlement', [value], (world, side, sent) => world.send(world.stranger, side.provider, BigInt(sent), deploySettlement())),
    command('collectFees', [value], (world, sent) => world.send(world.stranger, world.network.registry.address, BigInt(sent), simple.collectFees)),
    command('propose', [many], (world, fee) => world.send(world.network.governance, world.network.registry.address, toNano('0.1'), store(
        ProviderRegistry.storeProposeParameters({
            $$type: 'ProposeParameters', queryId: 0n, parameters: store(ProviderRegistry.storeParameters({
                $$type: 'Parameters', ...TestParameters, feeBasisPoints: BigInt(fee % 1001), treasury: accountOf(world.network.treasury.address),
            })),
        })))),
    command('apply', [], (world) => world.send(world.stranger, world.network.registry.address, toNano('0.1'), simple.applyParameters)),
    command('wait', [fc.constantFrom(60, 700, 3600, 21_600, 86_400, 8 * 86_400, 31 * 86_400)], async (world, seconds) => {
        if (world.elapsed + seconds <= 300 * 86_400) {
            world.elapsed += seconds;
            world.chain.now! += seconds;
        }
    }),
    command('prices', [fc.nat(1)], async (world, which) => world.chain.setConfig(PriceSets[which])),
];

/** The provider's side leaves: the clients do nothing. */
async function providersLeave(world: World): Promise<void> {
    for (const session of world.sessions) {
        const state = await world.escrowState(session);
        const best = state ? session.signed.get(state.openedLt) ?? 0n : 0n;
        if (state && state.claimsUntil > BigInt(world.chain.now!) && best > state.claimed) {
            // The last voucher that it was given, relayed by its owner.
            await world.send(session.provider.owner, session.address, toNano('0.1'), claimBody(await world.sign(session, best)));
        }
    }
    for (const { owner, provider, settlement } of world.providers) {
        const before = await world.network.balance(owner.address);
        const data = await dataOf(world.chain, settlement);
        expect(data).not.toBeNull();
        await world.send(owner, settlement, toNano('0.5'), simple.syncFee);
        await world.send(owner, settlement, toNano('0.5'), simple.distribute);
        const { feeFloat } = RewardSettlement.loadSettlementState((await dataOf(world.chain, settlement))!.beginParse());
        const above = await world.network.balance(settlement) - settlementReserve(pricesOf(world.chain));
        await world.send(owner, settlement, toNano('0.5'), store(RewardSettlement.storeReleaseFees({
            $$type: 'ReleaseFees', queryId: 0n, amount: feeFloat < above ? feeFloat : above > 0n ? above : 0n,
        })));
        await world.send(owner, provider, toNano('0.5'), retire());
        const reserves = providerReserve(pricesOf(world.chain)) + settlementReserve(pricesOf(world.chain));
        expect(await world.network.balance(provider) + await world.network.balance(settlement)).toBeLessThan(reserves + toNano('0.05'));
        expect(await world.network.balance(owner.address)).toBeGreaterThan(before - toNano('0.2'));
    }
}

/** The clients leave: provider, settlement and registry do not even exist any more. */
async function clientsLeave(world: World): Promise<void> {
    const gone = [world.network.registry.address, ...world.providers.flatMap(({ provider, settlement }) => [provider, settlement])];
    for (const address of gone) {
        await world.chain.setShardAccount(address, createEmptyShardAccount(address));
        world.total -= world.balances.get(keyOf(address)) ?? 0n;
        world.balances.set(keyOf(address), 0n);
    }
    for (const session of world.sessions) {
        const state = await world.escrowState(session);
        if (state && state.claimsUntil === 0xffffffffn) {
            await world.send(session.client, session.address, toNano('0.3'), simple.startClose);
        }
    }
    world.chain.now! += 2_592_000;
    for (const session of world.sessions) {
        const state = await world.escrowState(session);
        if (state === null) {
            continue;
        }
        const before = await world.network.balance(session.client.address);
        const held = await world.network.balance(session.address);
        await world.send(session.client, session.address, toNano('0.3'), state.claimsUntil === 0n ? simple.reclaim : simple.finishClose);
        expect(await world.escrowState(session)).toBeNull();
        expect(await world.network.balance(session.address)).toBe(0n);
        // Rent of the last month, gas and carriage are all that is missing.
        expect(await world.network.balance(session.client.address)).toBeGreaterThan(before + held - toNano('0.05'));
        count('departures');
    }
}

describe('Conservation', () => {
    let network: TestNetwork;
    let clients: Wallet[];
    let owners: Wallet[];
    let start: BlockchainSnapshot;

    beforeAll(async () => {
        network = await TestNetwork.ready();
        clients = [network.client, await network.chain.treasury('second client')];
        owners = [network.owner, await network.chain.treasury('second owner')];
        await network.addOffer(Offers[1]);
        start = network.chain.snapshot();
    });

    it(`holds in ${Runs} random lives of a network: no coin is made or lost, nobody pays more than it signed for, everyone can leave`, async () => {
        await fc.assert(
            fc.asyncProperty(fc.array(fc.oneof(...commands), { minLength: Commands / 2, maxLength: Commands, size: 'max' }), async (life) => {
                await network.chain.loadFrom(start);
                const world = new World(network, clients, owners);
                await openSession(world, 0, 0, 1_000_000_000);
                await openSession(world, 1, 0, 500_000_000);
                for (const one of life) {
                    await one.run(world);
                }
                await providersLeave(world);
                await clientsLeave(world);
            }),
            { numRuns: Runs, seed: Seed },
        );
    }, 300_000);

    it('was put to the test: everything that it is about has happened', () => {
        const rare = ['registrations', 'openings', 'refusals', 'claims', 'batches', 'finishes', 'endings', 'departures', 'verdicts', 'refreshes'];
        expect(rare.filter((what) => !happened.get(what))).toEqual([]);
        if (process.env.SHOW_FIGURES) { console.log(happened); }
    });
});
