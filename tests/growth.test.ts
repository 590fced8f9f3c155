import { beginCell, toNano, Transaction } from '@ton/core';
import '@ton/test-utils';
import {
    BatchItem, packOffer, Provider, providerDeployment, ProviderRegistry, RewardSettlement, settlementDeployment, Tier,
} from '../wrappers';
import { dataOf, gasOf, sendAs, setDataOf, storedBy } from './support/chain';
import { TestJob } from './support/jobs';
import { EncryptionKey, TestNetwork, TestOffer, TestSession } from './support/network';
import { deploySettlement, offerHash, requestNonce, retire, setKeys, updateOfferCells } from './provider/messages';
import { guest, GuestKey, verdictOn } from './provider/quotes';
import { refreshAttestation } from './session/messages';

const Crowd = 100_000n;
const Value = toNano('0.3');

type Gas = Record<string, bigint[]>;

/** Gas of the contracts' own transactions, in the order in which they happened. */
function gasOfChain({ transactions }: { transactions: Transaction[] }, network: TestNetwork): bigint[] {
    const wallets = [network.owner, network.client, network.stranger, network.treasury, network.governance, network.deployer]
        .map(({ address }) => BigInt('0x' + address.hash.toString('hex')));
    return transactions.filter(({ address }) => !wallets.includes(address)).map(gasOf);
}

/** Every operation of a network, and the gas of each contract's transactions in it. */
async function measure(network: TestNetwork, salt: bigint): Promise<Gas> {
    const gas: Gas = {};
    const note = (name: string, result: { transactions: Transaction[] }) => { gas[name] = gasOfChain(result, network); };
    const { settlement, registry, provider, owner, stranger, chain } = network;
    const other = { ...TestOffer, model: Buffer.alloc(32, 9) };

    note('register', await network.register());
    note('replace an offer', await sendAs(chain, owner.address, provider.address, Value, updateOfferCells(offerHash(TestOffer), packOffer(other))));
    note('replace it again', await sendAs(chain, owner.address, provider.address, Value, updateOfferCells(offerHash(other), packOffer(TestOffer))));
    const session = await network.escrow({ salt });
    note('open', await session.open(toNano('1')));
    note('top up', await sendAs(chain, stranger.address, session.address, Value));
    note('claim', await session.claim(await session.voucher(toNano('0.1'))));
    const claim: BatchItem = { kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.2')) };
    note('claim in a batch', await network.sendBatch([claim]));
    note('start to close', await session.startClose());
    chain.now! += session.agreement.closeWindow;
    note('finish closing', await session.finishClose());
    const second = await network.openSession(toNano('1'), { salt: salt + 1n });
    note('finish in a batch', await network.sendBatch([{ kind: 'finish', escrow: second.address, voucher: await second.voucher(toNano('0.3')) }]));
    note('distribute', await settlement.send(stranger.getSender(), { value: Value }, { $$type: 'Distribute', queryId: 0n }));
    note('sync the fee', await settlement.send(stranger.getSender(), { value: Value }, { $$type: 'SyncFee', queryId: 0n }));
    note('fund fees', await settlement.send(stranger.getSender(), { value: Value }, { $$type: 'FundFees', queryId: 0n }));
    note('ask for a nonce', await sendAs(chain, stranger.address, provider.address, Value, requestNonce()));
    const { nonce } = await provider.getAttestationNonce();
    note('attest', await sendAs(chain, network.verifier.address, provider.address, Value, verdictOn(network, guest(nonce))));
    expect((await provider.getProviderData()).tier).toBe(BigInt(Tier.Tdx));
    const attested = await network.openSession(toNano('1'), { salt: salt + 2n, leastTier: Tier.Tdx, acceptedTcbStatuses: 0xff });
    note('refresh', await sendAs(chain, stranger.address, attested.address, Value, refreshAttestation()));
    expect((await attested.data()).attestedUntil).toBeGreaterThan(0n);
    const terms = { acceptedTcbStatuses: 0xff, measurement: null, awardDeadline: chain.now! + 3_600 };
    const job = await TestJob.create(network, { ...terms, salt });
    const { ceiling, bidStep } = job.agreement;
    note('post a job and list it', await job.post({ listed: true }));
    note('bid', await job.bid(ceiling, { from: owner }));
    note('outbid', await job.bid(ceiling - bidStep, { from: owner }));
    note('award', await job.award());
    note('deliver', await job.deliver({ from: owner, key: GuestKey.secretKey }));
    expect(await network.exists(job.address)).toBe(false);
    const failed = await TestJob.create(network, { ...terms, salt: salt + 1n });
    note('post a job', await failed.post());
    await failed.bid(ceiling, { from: owner });
    await failed.award();
    chain.now! += failed.agreement.deliveryTime;
    note('expire', await failed.expire());
    note('new keys', await sendAs(chain, owner.address, provider.address, Value, setKeys(network.workerKey.publicKey, EncryptionKey)));
    note('deploy the settlement', await sendAs(chain, stranger.address, provider.address, Value, deploySettlement()));
    note('collect fees', await registry.send(stranger.getSender(), { value: Value }, { $$type: 'CollectFees', queryId: 0n }));
    note('retire', await sendAs(chain, owner.address, provider.address, Value, retire()));
    return gas;
}

/** A network like any other, whose registry has numbered 100,000 providers and jobs before: it began with these counters. */
async function crowdedRegistry(): Promise<TestNetwork> {
    const network = await TestNetwork.create();
    const data = (await dataOf(network.chain, network.registry.address))!;
    const state = ProviderRegistry.loadRegistryState(data.beginParse());
    await setDataOf(network.chain, network.registry.address,
        beginCell().store(ProviderRegistry.storeRegistryState({ ...state, providerCount: Crowd, jobCount: Crowd })).endCell());
    const { address } = await providerDeployment(network.registry.address, Crowd);
    // The rest of the test speaks with provider number 100,000.
    Object.assign(network, {
        provider: network.chain.openContract(Provider.Provider.fromAddress(address)),
        settlement: network.chain.openContract(RewardSettlement.RewardSettlement.fromAddress((await settlementDeployment(address)).address)),
    });
    await network.register();
    await network.addOffer(TestOffer);
    return network;
}

/** A provider and a settlement that have 100,000 sessions, jobs and batches behind them. */
async function agePast(network: TestNetwork): Promise<void> {
    const { chain, provider, settlement } = network;
    const state = Provider.loadProviderState((await dataOf(chain, provider.address))!.beginParse());
    await setDataOf(chain, provider.address, beginCell()
        .store(Provider.storeProviderState({
            ...state, sessions: Crowd, volume: Crowd * toNano('7'), jobsDelivered: Crowd, jobsFailed: Crowd, jobsDeclined: 60_000n,
        })).endCell());
    const earnings = RewardSettlement.loadSettlementState((await dataOf(chain, settlement.address))!.beginParse());
    await setDataOf(chain, settlement.address, beginCell()
        .store(RewardSettlement.storeSettlementState({ ...earnings, sequence: Crowd })).endCell());
}

describe('Growth', () => {
    let alone: Gas;

    beforeAll(async () => { alone = await measure(await TestNetwork.ready(), 1n); });

    it('measures every operation', () => {
        expect(Object.values(alone).every((chainOfOne) => chainOfOne.length > 0 && chainOfOne.every((gas) => gas > 0n))).toBe(true);
        expect(alone.register).toHaveLength(3);
        expect(alone.open).toHaveLength(3);
        expect(alone['claim in a batch']).toHaveLength(3);
        expect(alone['post a job and list it']).toHaveLength(4);
        expect(alone.outbid).toHaveLength(2);
        expect(alone.deliver).toHaveLength(5); // provider, job, settlement, provider again, listing
    });

    it('costs no gas: a network of 100,000 providers, sessions, jobs and batches is as cheap as a new one', async () => {
        const network = await crowdedRegistry();
        await agePast(network);
        expect(await measure(network, 1n)).toEqual(alone);
        expect(await network.registry.getProviderCount()).toBe(Crowd + 2n);
        expect(await network.registry.getJobCount()).toBe(Crowd + 1n);
        expect(await network.provider.getProviderData()).toMatchObject({
            sessions: Crowd + 2n, jobsDelivered: Crowd + 1n, jobsFailed: Crowd + 1n, jobsDeclined: 60_000n,
        });
    });

    it('costs no gas: open sessions of the same client and of others change nothing for the next one', async () => {
        const network = await TestNetwork.ready();
        const others: TestSession[] = [];
        for (let salt = 100n; salt < 120n; salt++) {
            const client = await network.chain.treasury(`client ${salt}`);
            const session = await network.escrow({ salt, ...(salt % 2n && { client: client.address }) });
            await session.open(toNano('1'), salt % 2n ? client : network.client);
            others.push(session);
        }
        expect(await Promise.all(others.map(({ address }) => network.exists(address)))).toEqual(others.map(() => true));
        expect(await measure(network, 1n)).toEqual(alone);
    });

    it('costs no storage: provider, settlement and registry store as much after many sessions as after one', async () => {
        const network = await TestNetwork.ready();
        const accounts = [network.registry.address, network.provider.address, network.settlement.address];
        const live = async (salt: bigint) => {
            const session = await network.openSession(toNano('1'), { salt });
            await network.sendBatch([{ kind: 'claimVoucher', escrow: session.address, voucher: await session.voucher(toNano('0.1')) }]);
            await network.sendBatch([{ kind: 'finish', escrow: session.address, voucher: await session.voucher(toNano('0.2')) }]);
            return Promise.all(accounts.map(async (address) => (await dataOf(network.chain, address))!));
        };
        const cells = (roots: Awaited<ReturnType<typeof live>>) => roots.map((root) => [root.bits.length, root.refs.length]);
        const once = cells(await live(1n));
        for (let salt = 2n; salt < 8n; salt++) {
            expect(cells(await live(salt))).toEqual(once);
        }
        const before = await Promise.all(accounts.map((address) => storedBy(network.chain, address)));
        await network.register();
        await live(8n);
        const after = await Promise.all(accounts.map((address) => storedBy(network.chain, address)));
        expect(after.map((stored) => stored.cells)).toEqual(before.map((stored) => stored.cells));
    });

    it('never makes a registration read the providers before it: the address of any number is computed from the number alone', async () => {
        const network = await TestNetwork.create();
        const gas = async (index: bigint) =>
            (await network.chain.runGetMethod(network.registry.address, 'provider_address', [{ type: 'int', value: index }])).gasUsed;
        expect(await Promise.all([1n, Crowd, 2n ** 63n].map(gas))).toEqual(Array(3).fill(await gas(0n)));
    });
});
