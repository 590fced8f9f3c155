import { beginCell, Transaction } from '@ton/core';
import { Provider, providerDeployment, ProviderRegistry, RewardSettlement, settlementDeployment } from '../../wrappers';
import { dataOf, gasOf, setDataOf } from '../support/chain';
import { attestForJobs, Bidder, jobNetwork, TestAgreement, TestBidder, TestJob } from '../support/jobs';
import { TestNetwork } from '../support/network';

const Crowd = 10_000n;
const { ceiling: Ceiling, bidStep: Step } = TestAgreement;

type Gas = Record<string, bigint[]>;

/** Every operation of a job that is listed, and the gas of each transaction in it, wallets' included. */
async function measure(network: TestNetwork, second: Bidder, salt: bigint): Promise<Gas> {
    const gas: Gas = {};
    const note = (name: string, { transactions }: { transactions: Transaction[] }) => { gas[name] = transactions.map(gasOf); };
    const job = await TestJob.create(network, { salt });
    note('post', await job.post({ listed: true }));
    note('bid', await job.bid(Ceiling));
    note('outbid', await job.bid(Ceiling - Step, second.hand));
    note('outbid again', await job.bid(Ceiling - 2n * Step));
    note('award', await job.award());
    note('deliver', await job.deliver());
    const next = await TestJob.posted(network, { salt: salt + 1n }, true);
    note('cancel', await next.cancel());
    const failed = await TestJob.awarded(network, { salt: salt + 2n }, true);
    const { now } = network.chain;
    network.chain.now! += failed.agreement.deliveryTime;
    note('expire', await failed.expire());
    network.chain.now = now;
    return gas;
}

/** A network whose registry has numbered so many providers and jobs before; its own provider is the next one. */
async function crowded(count: bigint): Promise<TestNetwork> {
    const network = await TestNetwork.create();
    const { chain, registry } = network;
    const state = ProviderRegistry.loadRegistryState((await dataOf(chain, registry.address))!.beginParse());
    await setDataOf(chain, registry.address,
        beginCell().store(ProviderRegistry.storeRegistryState({ ...state, providerCount: count, jobCount: count })).endCell());
    const { address } = await providerDeployment(registry.address, count);
    Object.assign(network, {
        provider: chain.openContract(Provider.Provider.fromAddress(address)),
        settlement: chain.openContract(RewardSettlement.RewardSettlement.fromAddress((await settlementDeployment(address)).address)),
    });
    await network.register();
    await attestForJobs(network);
    return network;
}

describe('Growth', () => {
    it('costs no gas: a job among 10,000 providers and jobs is as cheap as one of the first', async () => {
        const [few, many] = await Promise.all([1n, Crowd].map(async (count) => {
            const network = await crowded(count);
            return measure(network, await TestBidder.register(network, 'second'), 1n);
        }));
        expect(many).toEqual(few);
        expect([few.post.length, few.outbid.length]).toEqual([5, 5]);
        expect(few.deliver.length).toBeGreaterThan(5);
    });

    it('costs no gas: a provider with 10,000 jobs behind it is told of the next one as cheaply', async () => {
        const network = await jobNetwork();
        const second = await TestBidder.register(network, 'second');
        const start = network.chain.snapshot();
        const young = await measure(network, second, 1n);
        await network.chain.loadFrom(start);
        const state = Provider.loadProviderState((await dataOf(network.chain, network.provider.address))!.beginParse());
        await setDataOf(network.chain, network.provider.address, beginCell().store(Provider.storeProviderState({
            ...state, jobsDelivered: Crowd, jobsFailed: Crowd, jobsDeclined: Crowd, volume: Crowd * Ceiling,
        })).endCell());
        expect(await measure(network, second, 1n)).toEqual(young);
        expect((await network.provider.getProviderData()).jobsDelivered).toBe(Crowd + 1n);
    });

    it('costs no gas: the fiftieth bid for a job is as cheap as the second', async () => {
        const network = await jobNetwork();
        const second = await TestBidder.register(network, 'second');
        const job = await TestJob.posted(network);
        await job.bid(Ceiling);
        const gas = new Set<string>();
        for (let count = 1n; count < 50n; count++) {
            const { transactions } = await job.bid(Ceiling - count * Step, count % 2n === 1n ? second.hand : {});
            gas.add(transactions.slice(1, 3).map(gasOf).join(' ')); // Provider's and the job's
        }
        expect(gas.size).toBe(1);
    });

    it('costs no storage: registry and provider hold as much after many jobs as after one', async () => {
        const network = await jobNetwork();
        const shapes = async () => Promise.all([network.registry.address, network.provider.address].map(async (address) => {
            const { bits, refs } = (await dataOf(network.chain, address))!;
            return [bits.length, refs.length];
        }));
        const before = await shapes();
        for (let salt = 0n; salt < 5n; salt++) {
            await (await TestJob.awarded(network, { salt }, true)).deliver();
            expect(await shapes()).toEqual(before);
        }
        expect(await network.registry.getJobCount()).toBe(5n);
    });
});
