import { Address, beginCell, Cell, toNano } from '@ton/core';
import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, hashToBigInt, JobEscrow } from '../../wrappers';
import { dataOf, operation, tryAs, exitCodeOf } from '../support/chain';
import { JobErrors, jobNetwork, TestAgreement, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';
import { attempt, refused } from '../session/outcome';
import { withBit, withoutLastBit, withoutReferences, withReference } from './cells';
import * as message from './messages';

const { ceiling: Ceiling, bidStep: Step } = TestAgreement;

let network: TestNetwork;
let job: TestJob;
let states: Record<'deployed' | 'posted' | 'bid' | 'awarded', BlockchainSnapshot>;

beforeAll(async () => {
    network = await jobNetwork();
    job = await TestJob.create(network);
    await network.stranger.send({ to: job.address, value: toNano('0.1'), init: job.deployment.init, bounce: false });
    const deployed = network.chain.snapshot();
    await job.post();
    const posted = network.chain.snapshot();
    await job.bid(Ceiling);
    const bid = network.chain.snapshot();
    await job.award();
    states = { deployed, posted, bid, awarded: network.chain.snapshot() };
});

const send = (from: Address, body: Cell, value = toNano('0.5')) => attempt(network.chain, from, job.address, body, value);

/** Every message, in a state in which it does something, from whom it belongs to. */
const sent = async (): Promise<[string, keyof typeof states, Address, Cell][]> => {
    await network.chain.loadFrom(states.awarded);
    const { openedLt } = await job.data();
    const key = hashToBigInt(network.workerKey.publicKey);
    return [
        ['PostJob', 'deployed', network.client.address, message.postJob()],
        ['JobListed', 'posted', network.registry.address, message.jobListed(openedLt)],
        ['RelayedBid', 'bid', network.provider.address, message.relayedBid(openedLt, Ceiling - Step, network.stranger.address)],
        ['AwardJob', 'bid', network.client.address, message.awardJob(network.provider.address, Ceiling)],
        ['CancelJob', 'bid', network.client.address, message.cancelJob()],
        ['RelayedDelivery', 'awarded', network.provider.address, message.relayedDelivery(key, await job.delivery())],
        ['ExpireJob', 'bid', network.stranger.address, message.expireJob()],
    ];
};
const valueOf = (name: string) => (name === 'PostJob' ? toNano('3') : toNano('0.5'));

describe('threat: Unknown operation', () => {
    const { opcodes } = JobEscrow.JobEscrow;

    it.each([
        ['1', 1], ['one beyond the job\'s own', 0x5ebb000b], ['all ones: a bounced message\'s', 0xffffffff],
        ['ListJob, which goes to a registry', opcodes.ListJob], ['JobClosed, which goes to a provider', opcodes.JobClosed],
        ['ListingOutcome, which goes to a listing', opcodes.ListingOutcome], ['BidAccepted, which goes to a wallet', opcodes.BidAccepted],
        ['BidReturned, which goes to a wallet', opcodes.BidReturned], ['Payout, which goes to a settlement', 0x5e55000d],
    ])('%s: the value comes back, nothing changes, in any state', async (_, code) => {
        for (const state of Object.values(states)) {
            await network.chain.loadFrom(state);
            for (const { address } of [network.client, network.provider, network.registry, network.stranger]) {
                expect(await send(address, operation(code))).toEqual(refused(Errors.InvalidIncomingMessage));
            }
        }
        expect(await send(network.client.address, beginCell().storeUint(code, 32).storeUint(0, 800).storeRef(Cell.EMPTY).endCell()))
            .toEqual(refused(Errors.InvalidIncomingMessage));
    });

    it('an empty body, or one too short for an operation, is a top-up', async () => {
        for (const state of [states.posted, states.bid, states.awarded]) {
            for (const body of [Cell.EMPTY, beginCell().storeUint(1, 31).endCell(), operation(0)]) {
                await network.chain.loadFrom(state);
                const [data, balance] = [await dataOf(network.chain, job.address), await job.balance()];
                expect((await send(network.stranger.address, body)).exitCode).toBe(0);
                expect((await dataOf(network.chain, job.address))!.equals(data!)).toBe(true);
                expect(await job.balance()).toBeGreaterThan(balance + toNano('0.49'));
            }
        }
    });

    it('a bounced message, of whomever, changes nothing and throws nothing: its coins stay', async () => {
        for (const state of [states.posted, states.bid, states.awarded]) {
            for (const [, , , inner] of await sent()) {
                await network.chain.loadFrom(state);
                const body = beginCell().storeUint(0xffffffff, 32).storeBits(inner.beginParse().loadBits(Math.min(inner.bits.length, 256))).endCell();
                for (const { address } of [network.registry, network.client, network.provider]) {
                    const before = await dataOf(network.chain, job.address);
                    const { transactions: [transaction] } = await network.chain.sendMessage({
                        info: {
                            type: 'internal', src: address, dest: job.address, value: { coins: toNano('0.1') }, bounce: false, bounced: true,
                            ihrDisabled: true, ihrFee: 0n, forwardFee: 0n, createdAt: 0, createdLt: 0n,
                        },
                        body,
                    });
                    expect(exitCodeOf(transaction)).toBe(0);
                    expect((await dataOf(network.chain, job.address))!.equals(before!)).toBe(true);
                }
            }
        }
    });
});

describe('threat: malformed cell (message)', () => {
    it('each message does something as it is, for comparison', async () => {
        for (const [name, state, from, body] of await sent()) {
            await network.chain.loadFrom(states[state]);
            if (name === 'ExpireJob') {
                network.chain.now = job.agreement.awardDeadline;
            }
            expect([name, (await send(from, body, valueOf(name))).exitCode]).toEqual([name, 0]);
        }
    });

    it('an operation without its fields, and fields without their references, are refused', async () => {
        for (const [name, state, from, body] of await sent()) {
            await network.chain.loadFrom(states[state]);
            if (name === 'CancelJob' || name === 'ExpireJob') {
                continue; // nothing but a query id, which nothing reads
            }
            expect([name, await send(from, operation(body.beginParse().preloadUint(32)), valueOf(name))]).toEqual([name, refused(Errors.CellUnderflow)]);
            if (body.refs.length > 0) {
                expect([name, await send(from, withoutReferences(body), valueOf(name))]).toEqual([name, refused(Errors.CellUnderflow)]);
            }
        }
    });

    it('one bit less is refused, unless nothing reads that bit', async () => {
        for (const [name, state, from, body] of await sent()) {
            await network.chain.loadFrom(states[state]);
            const { exitCode } = await send(from, withoutLastBit(body), valueOf(name));
            const unread = ['CancelJob', 'ExpireJob'];
            expect([name, unread.includes(name) || exitCode === Errors.CellUnderflow]).toEqual([name, true]);
        }
    });

    it('bits and references behind a message\'s fields mean nothing: it does what it does without them', async () => {
        for (const [name, state, from, body] of await sent()) {
            await network.chain.loadFrom(states[state]);
            const plain = await tryAs(network.chain, from, job.address, valueOf(name), body);
            for (const longer of [withBit(body), withReference(body)]) {
                const transaction = await tryAs(network.chain, from, job.address, valueOf(name), longer);
                expect([name, exitCodeOf(transaction), transaction.outMessages.size]).toEqual([name, exitCodeOf(plain), plain.outMessages.size]);
            }
        }
    });

    it('a message that cannot pay for its own gas changes nothing', async () => {
        for (const [name, state, from, body] of await sent()) {
            await network.chain.loadFrom(states[state]);
            const [data, balance] = [await dataOf(network.chain, job.address), await job.balance()];
            await send(from, body, 20_000n);
            expect([name, (await dataOf(network.chain, job.address))!.equals(data!), await job.balance() >= balance]).toEqual([name, true, true]);
        }
    });
});

describe('A message to a job in another state than its own', () => {
    it('is refused, or comes back, in each of them', async () => {
        const found: Record<string, Record<string, unknown>> = {};
        for (const [name, , from, body] of await sent()) {
            found[name] = {};
            for (const [state, snapshot] of Object.entries(states)) {
                await network.chain.loadFrom(snapshot);
                found[name][state] = exitCodeOf(await tryAs(network.chain, from, job.address, valueOf(name), body));
            }
        }
        const { AlreadyPosted, NotBidding, OtherBid, NotAwarded, DeadlineAhead, OtherJobLife } = JobErrors;
        expect(found).toEqual({
            PostJob: { deployed: 0, posted: AlreadyPosted, bid: AlreadyPosted, awarded: AlreadyPosted },
            JobListed: { deployed: OtherJobLife, posted: 0, bid: 0, awarded: 0 },
            RelayedBid: { deployed: 0, posted: 0, bid: 0, awarded: 0 }, // too early or too late: the bond comes back with its reason
            AwardJob: { deployed: NotBidding, posted: OtherBid, bid: 0, awarded: NotBidding },
            CancelJob: { deployed: 0, posted: 0, bid: 0, awarded: NotBidding },
            RelayedDelivery: { deployed: NotAwarded, posted: NotAwarded, bid: NotAwarded, awarded: 0 },
            ExpireJob: { deployed: NotBidding, posted: DeadlineAhead, bid: DeadlineAhead, awarded: DeadlineAhead },
        });
    });
});
