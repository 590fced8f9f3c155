import { Address, beginCell, Cell, Dictionary, toNano, Transaction } from '@ton/core';
import { Blockchain, SandboxContract, SendMessageResult, TreasuryContract } from '@ton/sandbox';
import { catalogDeployment, MeasurementCatalog, packNote } from '../../wrappers';
import { dataOf, setDataOf, transactionOf } from '../support/chain';
import { Start } from '../support/network';
import { chainConfig, PriceSet } from '../support/prices';

export type CatalogMessage = Exclude<Parameters<MeasurementCatalog.MeasurementCatalog['send']>[3], null>;
type Wallet = SandboxContract<TreasuryContract>;

export const Delay = 86_400;
export const MaxMeasurements = 64;
export const LongestNote = 'x'.repeat(127);

/** A measurement as they are: a hash. */
export const measurementOf = (n: number): bigint =>
    BigInt('0x' + beginCell().storeUint(n, 64).endCell().hash().toString('hex'));

/** A catalog of its own chain, with its curator and a stranger. */
export class TestCatalog {
    private constructor(
        readonly chain: Blockchain,
        readonly curator: Wallet,
        readonly stranger: Wallet,
        readonly contract: SandboxContract<MeasurementCatalog.MeasurementCatalog>,
    ) {}

    /** A catalog that is not deployed. */
    static async create(prices: PriceSet = '2026', delay = Delay): Promise<TestCatalog> {
        const chain = await Blockchain.create({ config: chainConfig(prices) });
        chain.now = Start;
        const [curator, stranger] = await Promise.all(['curator', 'stranger'].map((name) => chain.treasury(name)));
        const { address, init } = await catalogDeployment(curator.address, 1n, delay);
        return new TestCatalog(
            chain, curator, stranger,
            chain.openContract(new MeasurementCatalog.MeasurementCatalog(address, init)),
        );
    }

    /** A catalog that holds more than its reserve and lists nothing. */
    static async deployed(prices: PriceSet = '2026'): Promise<TestCatalog> {
        const catalog = await TestCatalog.create(prices);
        await catalog.contract.send(catalog.stranger.getSender(), { value: toNano('1') }, null);
        return catalog;
    }

    get address(): Address {
        return this.contract.address;
    }

    async balance(): Promise<bigint> {
        return (await this.chain.getContract(this.address)).balance;
    }

    data(): Promise<Cell | null> {
        return dataOf(this.chain, this.address);
    }

    send(message: CatalogMessage, from = this.curator, value = toNano('0.2')): Promise<SendMessageResult> {
        return this.contract.send(from.getSender(), { value }, message);
    }

    add(measurement: bigint, from = this.curator, note = packNote(LongestNote), value = toNano('0.2')): Promise<SendMessageResult> {
        return this.send({ $$type: 'AddMeasurement', queryId: 0n, measurement, note }, from, value);
    }

    remove(measurement: bigint, from = this.curator): Promise<SendMessageResult> {
        return this.send({ $$type: 'RemoveMeasurement', queryId: 0n, measurement }, from);
    }

    close(from = this.curator): Promise<SendMessageResult> {
        return this.send({ $$type: 'CloseCatalog', queryId: 0n }, from);
    }

    withdraw(from = this.curator, value = toNano('0.2')): Promise<SendMessageResult> {
        return this.send({ $$type: 'WithdrawSurplus', queryId: 0n }, from, value);
    }

    /** The catalog's own transaction. */
    in(result: SendMessageResult): Transaction {
        return transactionOf(result, this.address);
    }

    /** Lists these, as if each had been added at the time of `effectiveFrom - delay`: much faster than 64 messages. */
    async fill(measurements: bigint[], effectiveFrom = this.chain.now! + Delay): Promise<void> {
        const state = MeasurementCatalog.loadCatalogState((await this.data())!.beginParse());
        const listed = Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Cell());
        measurements.forEach((measurement, n) => listed.set(measurement, beginCell()
            .store(MeasurementCatalog.storeListedMeasurement({
                $$type: 'ListedMeasurement',
                effectiveFrom: BigInt(effectiveFrom),
                note: packNote(n.toString().padEnd(127, 'x')), // no two alike: the chain stores equal cells once
            })).endCell()));
        await setDataOf(this.chain, this.address, beginCell().store(MeasurementCatalog.storeCatalogState({
            ...state, count: BigInt(measurements.length), measurements: listed,
        })).endCell());
    }
}

/** Measurements whose dictionary is as deep as it can be: each shares one bit more with the next. No hashes are like that. */
export const deepest = (n: number): bigint => 1n << BigInt(255 - n);
