import { Address, Transaction } from '@ton/core';
import { BatchItem, openSessionValue } from '../../../wrappers';
import { pricesOf } from '../../../tests/support/chain';
import { TestNetwork, TestOffer, TestSession } from '../../../tests/support/network';
import { attestForJobs, TestJob } from '../../../tests/support/jobs';
import { PriceSet } from '../../../tests/support/prices';
import { AttestationOperation, AttestationOperations, measureAttestation } from './attestation';
import { contractsOf, Cost, costOf, inflowOf, requireSuccess } from './fees';

/** The operations that are measured, as COSTS names them. */
export const OperationNames = [
    'register',
    'open',
    'claim',
    'claimBatch50PerClaim',
    'closeByProvider',
    'closeByClient',
    'topUp',
    'withdraw',
    'postJob',
    'listJob',
    'bid',
    'outbid',
    'award',
    'deliver',
    'expireJob',
    ...AttestationOperations,
] as const;
export type OperationName = (typeof OperationNames)[number];

/** Items in the measured batches. */
export const BatchSize = 50;

/** Cost of each operation; of a batch's operations, for one item, everything included, with fractions of a unit. */
export type OperationCosts = Record<OperationName, { transactions: number; gas: number; fees: number }>;

/** Rent of an open session. */
export type Rent = {
    cells: bigint;
    bits: bigint;
    /** nanoTON for a year. */
    perYear: bigint;
    /** nanoTON that an open session holds beyond the deposit that was asked for; the rest comes back at the close. */
    locked: bigint;
};

export type Measurement = { costs: OperationCosts; rent: Rent };

const Tenth = TestOffer.minDeposit;
const SecondsPerYear = 31_536_000n;

/** Runs every operation once on a chain of its own, under a set of prices. */
export async function measure(prices: PriceSet): Promise<Measurement> {
    const network = await TestNetwork.create(prices);
    const meter = new Meter(network);
    const register = await meter.run(() => network.register());
    await network.addOffer(TestOffer);

    const session = await network.escrow();
    const value = openSessionValue(pricesOf(network.chain), Tenth);
    const open = await meter.run(() => session.open(value));
    const rent = await rentOf(network, session, Tenth);
    const topUp = await meter.run(() =>
        session.contract.send(network.stranger.getSender(), { value: Tenth * 9n }, { $$type: 'TopUp', queryId: 0n }),
    );
    const claim = await meter.run(async () => session.claim(await session.voucher(Tenth)));

    const sessions: TestSession[] = [];
    for (let index = 0; index < BatchSize; index++) {
        sessions.push(await network.openSession(Tenth * 10n, { salt: BigInt(100 + index) }));
    }
    const items = (cumulative: bigint, kind: 'claimVoucher' | 'finish'): Promise<BatchItem[]> =>
        Promise.all(
            sessions.map(async (each) => ({ kind, escrow: each.address, voucher: await each.voucher(cumulative) })),
        );
    const claims = await items(Tenth, 'claimVoucher');
    const claimBatch = await meter.run(() => network.sendBatch(claims));
    const finishes = await items(2n * Tenth, 'finish');
    const finishBatch = await meter.run(() => network.sendBatch(finishes));

    const withdraw = await meter.run(() =>
        network.settlement.send(network.stranger.getSender(), { value: Tenth }, { $$type: 'Distribute', queryId: 0n }),
    );
    const start = await meter.run(() => session.startClose());
    network.chain.now! += session.agreement.closeWindow;
    const finish = await meter.run(() => session.finishClose());

    const jobs = await measureJobs(network, meter);

    const whole = (cost: Cost) => shared(cost, 1);
    const attestation = Object.fromEntries(
        Object.entries(await measureAttestation(prices)).map(([name, cost]) => [name, whole(cost)]),
    ) as Record<AttestationOperation, ReturnType<typeof whole>>;
    return {
        costs: {
            register: whole(register),
            open: whole(open),
            claim: whole(claim),
            claimBatch50PerClaim: shared(claimBatch, BatchSize),
            closeByProvider: shared(finishBatch, BatchSize),
            closeByClient: whole(sum(start, finish)),
            topUp: whole(topUp),
            withdraw: whole(withdraw),
            ...jobs,
            ...attestation,
        },
        rent,
    };
}

/** A job from posting to delivery, one that is listed, and one whose delivery deadline passes. */
async function measureJobs(network: TestNetwork, meter: Meter) {
    await attestForJobs(network, { expiry: network.chain.now! + 100_000 });
    const awardDeadline = network.chain.now! + 3_600;
    const [job, listed, failed] = await Promise.all(
        [1n, 2n, 3n].map((salt) => TestJob.create(network, { salt, awardDeadline })),
    );
    const { ceiling, bidStep } = job.agreement;
    const postJob = await meter.run(() => job.post());
    const listJob = await meter.run(() => listed.post({ listed: true }));
    const bid = await meter.run(() => job.bid(ceiling));
    const outbid = await meter.run(() => job.bid(ceiling - bidStep));
    const award = await meter.run(() => job.award());
    const deliver = await meter.run(() => job.deliver());
    await failed.post();
    await failed.bid(ceiling);
    await failed.award();
    network.chain.now! += failed.agreement.deliveryTime;
    const expireJob = await meter.run(() => failed.expire());
    const costs = { postJob, listJob, bid, outbid, award, deliver, expireJob };
    return Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, shared(cost, 1)])) as Record<
        keyof typeof costs,
        ReturnType<typeof shared>
    >;
}

/** Runs operations and adds up their cost. */
class Meter {
    constructor(private readonly network: TestNetwork) {}

    /** @throws Error when the operation failed, or when its coins and its fees do not add up to the last nanoTON. */
    async run(operation: () => Promise<{ transactions: Transaction[] }>): Promise<Cost> {
        const { chain, deployer, governance, treasury, owner, client, stranger, attester } = this.network;
        const wallets = [deployer, governance, treasury, owner, client, stranger, attester].map(({ address }) => address);
        const before = chain.snapshot();
        const { transactions } = await operation();
        requireSuccess(transactions, wallets);

        const contracts = contractsOf(transactions, wallets);
        const after = chain.snapshot();
        const held = await this.held(contracts);
        await chain.loadFrom(before);
        const heldBefore = await this.held(contracts);
        await chain.loadFrom(after);
        const cost = costOf(transactions, wallets);
        if (heldBefore + inflowOf(transactions, wallets) !== held + cost.fees) {
            throw new Error(`The coins do not add up: ${heldBefore} + inflow is not ${held} + ${cost.fees} of fees.`);
        }
        return cost;
    }

    private async held(contracts: Address[]): Promise<bigint> {
        let coins = 0n;
        for (const contract of contracts) {
            coins += await this.network.balance(contract);
        }
        return coins;
    }
}

async function rentOf(network: TestNetwork, session: TestSession, deposit: bigint): Promise<Rent> {
    const contract = await network.chain.getContract(session.address);
    const { cells, bits } = contract.account.account!.storageStats.used;
    const { storage } = pricesOf(network.chain);
    const yearly = (storage.cell * cells + storage.bit * bits) * SecondsPerYear;
    return { cells, bits, perYear: (yearly + 0xffffn) >> 16n, locked: contract.balance - deposit };
}

function sum(a: Cost, b: Cost): Cost {
    return { transactions: a.transactions + b.transactions, gas: a.gas + b.gas, fees: a.fees + b.fees };
}

function shared({ transactions, gas, fees }: Cost, by: number) {
    return { transactions: transactions / by, gas: Number(gas) / by, fees: Number(fees) / by };
}
