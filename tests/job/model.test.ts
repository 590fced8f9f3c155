import { Address, Cell, StateInit, toNano } from '@ton/core';
import { KeyPair } from '@ton/crypto';
import { Blockchain, BlockchainSnapshot } from '@ton/sandbox';
import { createPrivateKey, sign } from 'crypto';
import fc from 'fast-check';
import {
    accountOf, bidValue, bigIntToHash, deliveryPayload, JobEscrow, JobOutcome, jobReserve, JobStatus, packDelivery, postJobValue, Provider,
} from '../../wrappers';
import { dataOf, pricesOf, sendAs } from '../support/chain';
import { attestProvider, Bidder, bidderOf, jobNetwork, TestBidder, TestJob, TestRecord } from '../support/jobs';
import { GlobalId, Start, testKey, TestNetwork } from '../support/network';
import { coinsOf, feesOf } from '../session/ledger';
import * as message from './messages';
import { Command, Due, Model, ModelTerms, Party } from './model';

// Random lives of a few jobs on the real contracts, beside a model of their rules. After every command jobs, counters and
// everybody's coins are what the model says, and no coin is made or lost.

const Runs = Number(process.env.FUZZ_RUNS ?? 14);
const Seed = Number(process.env.FUZZ_SEED ?? 77);
const Value = toNano('0.05');
/** What a command may cost whoever gets something because of it; far below any bond. */
const Gas = toNano('0.01');
const TopUp = toNano('0.02');

const Common = { awardDeadline: Start + 3_600, bidStep: toNano('0.1'), acceptedTcbStatuses: 0b11, measurement: TestRecord.measurement };
const Terms: ModelTerms[] = [
    { ...Common, client: 'client 0', direct: null, deliveryTime: 7_200, ceiling: toNano('2'), bond: toNano('0.3') },
    { ...Common, client: 'client 1', direct: null, deliveryTime: 60, ceiling: toNano('5'), bond: toNano('0.5'), acceptedTcbStatuses: 1, measurement: null },
    { ...Common, client: 'client 0', direct: 1, deliveryTime: 600, ceiling: toNano('1'), bond: toNano('1') },
];
const Providers = 3;

let network: TestNetwork;
let chain: Blockchain;
let bidders: Bidder[];
let jobs: TestJob[];
let parties: Map<Party, Address>;
let accounts: Address[];
let start: BlockchainSnapshot;
const happened = new Map<string, number>();

beforeAll(async () => {
    network = await jobNetwork();
    chain = network.chain;
    bidders = [bidderOf(network), await TestBidder.register(network, 'second'), await TestBidder.register(network, 'third')];
    const clients = [network.client, await chain.treasury('second client')];
    parties = new Map([
        ...clients.map(({ address }, index) => [`client ${index}`, address] as const),
        ...bidders.flatMap(({ owner, attester, settlement }, index) => [
            [`owner ${index}`, owner.address], [`attester ${index}`, attester.address], [`settlement ${index}`, settlement],
        ] as const),
        ['stranger', network.stranger.address] as const,
    ]);
    jobs = await Promise.all(Terms.map(({ client, direct, measurement, ...terms }, index) => TestJob.create(network, {
        ...terms, salt: BigInt(index), client: parties.get(client)!, provider: direct === null ? null : bidders[direct].address,
        measurement: measurement === null ? null : bigIntToHash(measurement),
    })));
    accounts = [...parties.values(), ...jobs.map(({ address }) => address), ...bidders.map(({ address }) => address)];
    start = chain.snapshot();
}, 120_000);

/** As signPayload, by the machine's own Ed25519. */
function signFast(payload: Cell, { secretKey }: KeyPair): Buffer {
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secretKey.subarray(0, 32)]);
    return sign(null, payload.hash(), createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
}

const stateOf = async (job: TestJob) => {
    const data = await dataOf(chain, job.address);
    return data && JobEscrow.loadJobState(data.beginParse());
};

/** Contracts and model, side by side. */
class World {
    readonly model = new Model(Start, Terms, Array.from({ length: Providers }, () => TestRecord));
    /** Logical times of each job's postings: what a life is called on the chain. */
    readonly lives: bigint[][] = Terms.map(() => [0n]);
    /** Coins that came to each job beside what it asked for. */
    readonly extra = Terms.map(() => 0n);

    async run(command: Command): Promise<void> {
        const before = await this.balances();
        const sent = await this.send(command);
        const { what, due } = this.model.apply(command);
        happened.set(what, (happened.get(what) ?? 0) + 1);
        if (command.kind === 'post' && what === 'posted') {
            this.lives[command.job].push((await stateOf(jobs[command.job]))!.openedLt);
        }
        await this.compareJobs(what);
        if ('job' in command) {
            await this.comparePayments(what, before, due, command.job);
            expect([what, await coinsOf(chain, accounts)]).toEqual([what, sum(before) + command.value - sent.fees]);
        }
    }

    /** Top-ups are no part of the model: they go to whoever the rest of the job goes to. */
    async topUp(job: number): Promise<void> {
        if (this.model.jobs[job].status !== 'none') {
            await sendAs(chain, network.stranger.address, jobs[job].address, TopUp);
            this.extra[job] += TopUp;
        }
    }

    private async balances(): Promise<Map<string, bigint>> {
        return new Map(await Promise.all(accounts.map(async (account) => [account.toString(), await network.balance(account)] as const)));
    }

    private async send(command: Command): Promise<{ fees: bigint }> {
        if (command.kind === 'pass') {
            chain.now! += command.seconds;
            return { fees: 0n };
        }
        if (command.kind === 'renew') {
            const { address, attester } = bidders[command.provider];
            await attestProvider(chain, address, attester.address, command.record);
            return { fees: 0n };
        }
        const job = jobs[command.job];
        const deliver = async (to: Address, body: Cell, init?: StateInit) => {
            const { transactions } = await sendAs(chain, parties.get(command.sender)!, to, command.value, body, { init });
            return { fees: feesOf(transactions) };
        };
        switch (command.kind) {
            case 'post': return deliver(job.address, message.postJob(), job.deployment.init);
            case 'cancel': return deliver(job.address, message.cancelJob());
            case 'expire': return deliver(job.address, message.expireJob());
            case 'award': return deliver(job.address, message.awardJob(bidders[command.provider].address, command.amount));
            case 'bid': return deliver(bidders[command.provider].address, message.relayBid(this.lifeOf(command), command.amount, job.address));
            case 'deliver': {
                const delivery = { outcome: command.delivered ? JobOutcome.Delivered : JobOutcome.Declined, outputRoot: 5n };
                const payload = deliveryPayload({ globalId: GlobalId, contract: job.address, openedLt: this.lifeOf(command) }, delivery);
                const signature = signFast(payload, command.signed ? bidders[command.provider].key : testKey('nobody'));
                return deliver(bidders[command.provider].address, message.relayDelivery(job.address, packDelivery(delivery, signature)));
            }
        }
    }

    private lifeOf({ job, life }: { job: number; life: number }): bigint {
        return this.lives[job][life] ?? 1n;
    }

    private async compareJobs(what: string): Promise<void> {
        for (const [index, { status, bid, deliveryDeadline, terms }] of this.model.jobs.entries()) {
            const state = await stateOf(jobs[index]);
            const found = state === null || Number(state.status) === JobStatus.New ? 'none' : Number(state.status) === JobStatus.Bidding ? 'bidding' : 'awarded';
            expect([what, index, found]).toEqual([what, index, status]);
            if (state === null || found === 'none') {
                expect([what, index, await network.balance(jobs[index].address)]).toEqual([what, index, 0n]);
                continue;
            }
            const best = state.bid.remainingBits === 0 ? null : JobEscrow.loadBid(state.bid);
            expect([what, index, best?.provider, best?.amount, best?.payer, best?.settlement, Number(state.deliveryDeadline)]).toEqual([
                what, index, bid ? accountOf(bidders[bid.provider].address) : undefined, bid?.amount,
                bid ? accountOf(parties.get(bid.payer)!) : undefined, bid ? accountOf(bidders[bid.provider].settlement) : undefined, deliveryDeadline,
            ]);
            const owed = (status === 'awarded' ? bid!.amount : terms.ceiling) + (bid ? terms.bond : 0n);
            const above = await network.balance(jobs[index].address) - owed;
            expect([what, index, above > 0n && above < this.slack(index)]).toEqual([what, index, true]);
        }
        for (const [index, { delivered, failed, declined, volume }] of this.model.providers.entries()) {
            const state = Provider.loadProviderState((await dataOf(chain, bidders[index].address))!.beginParse());
            expect([what, state.jobsDelivered, state.jobsFailed, state.jobsDeclined, state.volume]).toEqual([what, delivered, failed, declined, volume]);
        }
    }

    /** Everybody has what the model says is due; beyond it only values, top-ups and what a job did not need for rent and fees. */
    private async comparePayments(what: string, before: Map<string, bigint>, due: Due[], job: number): Promise<void> {
        const expected = new Map<Party, bigint>();
        due.forEach(({ to, amount }) => expected.set(to, (expected.get(to) ?? 0n) + amount));
        for (const [party, address] of parties) {
            const got = (await network.balance(address)) - before.get(address.toString())!;
            const amount = expected.get(party) ?? 0n;
            expect([what, party, got > amount - Gas && got < amount + this.slack(job)]).toEqual([what, party, true]);
        }
    }

    private slack(job: number): bigint {
        const { ceiling } = Terms[job];
        return Value + Gas + this.extra[job] + postJobValue(pricesOf(chain), ceiling, 0n) - ceiling + jobReserve(pricesOf(chain));
    }
}

const sum = (amounts: Map<string, bigint>) => [...amounts.values()].reduce((total, amount) => total + amount, 0n);

// What is drawn. Most of it is what an honest party would do, so that lives get far; the rest is not.

const mostly = <T>(usual: T, ...others: T[]) => fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const jobIndex = fc.constantFrom(0, 0, 1, 2);
const providerIndex = fc.nat({ max: Providers - 1 });
const anyParty = fc.constantFrom('client 0', 'client 1', 'owner 0', 'owner 1', 'attester 0', 'attester 2', 'stranger');
const sender = fc.record({ honest: mostly(true, false), other: anyParty });
type Drawn = (world: World) => Promise<void>;
/** The job that was drawn, or an honest party's next best one in this state. */
const suited = ({ model }: World, drawn: number, honest: boolean, fits: (job: Model['jobs'][number]) => boolean) =>
    honest ? [drawn, 0, 1, 2].find((job) => fits(model.jobs[job])) ?? drawn : drawn;

const draws: { weight: number; arbitrary: fc.Arbitrary<Drawn> }[] = [
    { weight: 3, arbitrary: fc.tuple(jobIndex, sender, mostly(true, false)).map(([drawn, { honest, other }, enough]) => async (world) => {
        const job = suited(world, drawn, honest, ({ status }) => status === 'none');
        const least = postJobValue(pricesOf(chain), Terms[job].ceiling, 0n);
        await world.run({ kind: 'post', job, sender: honest ? Terms[job].client : other, value: enough ? least : least / 2n, enough });
    }) },
    { weight: 8, arbitrary: fc.tuple(jobIndex, providerIndex, sender, fc.constantFrom('owner', 'attester'), fc.integer({ min: -3, max: 12 }), mostly(true, false), mostly(0, 1, -1))
        .map(([drawn, provider, { honest, other }, role, steps, enough, offset]) => async (world) => {
            const job = suited(world, drawn, honest, ({ status }) => status === 'bidding');
            const { bid, life, terms } = world.model.jobs[job];
            const from = bid === null ? terms.ceiling : bid.amount;
            // From three steps too high to twelve below; also a nanoTON above a whole step.
            const amount = from - BigInt(steps) * terms.bidStep + (steps === 1 && provider === 2 ? 1n : 0n);
            const value = enough ? bidValue(pricesOf(chain), terms.bond) : terms.bond;
            await world.run({
                kind: 'bid', job, provider: terms.direct !== null && honest ? terms.direct : provider, amount: amount < 0n ? 0n : amount,
                sender: honest ? `${role} ${terms.direct !== null ? terms.direct : provider}` : other, life: Math.max(0, life + offset), value, enough,
            });
        }) },
    { weight: 4, arbitrary: fc.tuple(jobIndex, sender, mostly(true, false), providerIndex).map(([drawn, { honest, other }, best, provider]) => async (world) => {
        const job = suited(world, drawn, honest, ({ status, bid }) => status === 'bidding' && bid !== null);
        const { bid, terms } = world.model.jobs[job];
        await world.run({
            kind: 'award', job, sender: honest ? terms.client : other, value: Value, provider: best && bid ? bid.provider : provider,
            amount: bid ? bid.amount + (best ? 0n : terms.bidStep) : 0n,
        });
    }) },
    { weight: 5, arbitrary: fc.tuple(jobIndex, providerIndex, sender, fc.constantFrom('owner', 'attester'), fc.boolean(), mostly(true, false), mostly(0, -1, 1))
        .map(([drawn, provider, { honest, other }, role, delivered, signed, offset]) => async (world) => {
            const job = suited(world, drawn, honest, ({ status }) => status === 'awarded');
            const { bid, life } = world.model.jobs[job];
            const by = honest && bid ? bid.provider : provider;
            await world.run({
                kind: 'deliver', job, provider: by, sender: honest ? `${role} ${by}` : other, delivered, signed, life: Math.max(0, life + offset), value: Value,
            });
        }) },
    { weight: 1, arbitrary: fc.tuple(jobIndex, sender).map(([job, { honest, other }]) => async (world) => {
        await world.run({ kind: 'cancel', job, sender: honest ? Terms[job].client : other, value: Value });
    }) },
    { weight: 2, arbitrary: fc.tuple(jobIndex, anyParty).map(([job, other]) => (world) => world.run({ kind: 'expire', job, sender: other, value: Value })) },
    { weight: 3, arbitrary: fc.constantFrom(1, 59, 60, 599, 600, 1_000, 1_800).map((seconds) => (world) => world.run({ kind: 'pass', seconds })) },
    { weight: 1, arbitrary: fc.tuple(jobIndex, fc.constantFrom(0, -1)).map(([job, before]) => async (world) => {
        // To a deadline, or a second before it.
        const { status, terms, deliveryDeadline } = world.model.jobs[job];
        const deadline = (status === 'awarded' ? deliveryDeadline : terms.awardDeadline) + before;
        await world.run({ kind: 'pass', seconds: Math.max(0, deadline - world.model.now) });
        await world.run({ kind: 'expire', job, sender: 'stranger', value: Value });
    }) },
    { weight: 2, arbitrary: fc.tuple(providerIndex, fc.constantFrom(0, 60, 2_000, 100_000), mostly(0, 1, 2, 7), mostly(TestRecord.measurement, 1n))
        .map(([provider, lifetime, tcbStatus, measurement]) => (world) =>
            world.run({ kind: 'renew', provider, record: { expiry: world.model.now + lifetime, tcbStatus, measurement } })) },
    { weight: 1, arbitrary: jobIndex.map((job) => (world) => world.topUp(job)) },
];

/** Whatever has begun is ended by a stranger, at its deadline; nothing is left anywhere. */
async function endAll(world: World): Promise<void> {
    for (let round = 0; round < 2; round++) {
        await world.run({ kind: 'pass', seconds: 10_000 });
        for (const [job, { status }] of world.model.jobs.entries()) {
            if (status !== 'none') {
                await world.run({ kind: 'expire', job, sender: 'stranger', value: Value });
            }
        }
    }
    for (const job of jobs) {
        expect(await network.balance(job.address)).toBe(0n);
    }
}

describe('Jobs and the model of their rules', () => {
    it(`agree in ${Runs} random lives: on states, counters and who gets what; and no coin is made or lost`, async () => {
        await fc.assert(
            fc.asyncProperty(fc.array(fc.oneof(...draws), { minLength: 15, maxLength: 45, size: 'max' }), async (life) => {
                await chain.loadFrom(start);
                const world = new World();
                for (const [job, { client, ceiling, bond }] of Terms.entries()) {
                    await world.run({ kind: 'post', job, sender: client, value: postJobValue(pricesOf(chain), ceiling, 0n), enough: true });
                    await world.run({
                        kind: 'bid', job, provider: 1, sender: 'attester 1', amount: ceiling, life: 1, value: bidValue(pricesOf(chain), bond), enough: true,
                    });
                }
                for (const one of life) {
                    await one(world);
                }
                await endAll(world);
            }),
            { numRuns: Runs, seed: Seed },
        );
    }, 300_000);

    it('were put to the test: everything that the rules are about has happened', () => {
        const rare = ['posted', 'bid', 'outbid', 'awarded', 'delivered', 'declined', 'failed', 'not taken', 'cancelled',
            'post refused', 'bid refused', 'award refused', 'delivery refused', 'cancel refused', 'expire refused'];
        expect(rare.filter((what) => !happened.get(what))).toEqual([]);
        if (process.env.SHOW_FIGURES) { console.log(happened); }
    });
});
