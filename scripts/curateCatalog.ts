import { NetworkProvider } from '@ton/blueprint';
import { Address, OpenedContract } from '@ton/core';
import {
    addMeasurementValue,
    Catalog,
    catalogDeployment,
    catalogReserve,
    CoinSymbol,
    hashToBigInt,
    MeasurementCatalog,
    minimumValues,
    packNote,
    trusts,
    unpackCatalog,
} from '@ton-compute/contracts';
import { ScriptError } from '../tools/scripts/error';
import { chainTime } from '../tools/scripts/network';
import { address, bytes32, integer, oneOf, shortText, showCoins } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

const { MinDelay, MaxDelay, MaxMeasurements } = MeasurementCatalog;
const Actions = ['deploy', 'add', 'remove', 'show', 'withdraw', 'close'] as const;
const MaxUint64 = 2n ** 64n - 1n;
const SecondsPerDay = 86_400;

/** Keeps a catalog of image measurements: the wallet is its curator. `show` is anyone's. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, [
        'action',
        'catalog',
        'salt',
        'delay',
        'measurement',
        'note',
        'final',
    ]);
    const action = await script.inputs.choose('action', 'What to do with a catalog', Actions, (name) => name);
    const target = action === 'deploy' ? await deploy(script) : await existing(script);
    const desk = new Desk(script, provider.open(MeasurementCatalog.MeasurementCatalog.fromAddress(target)));
    switch (action) {
        case 'add':
            await desk.add();
            break;
        case 'remove':
            await desk.remove();
            break;
        case 'withdraw':
            await desk.withdraw();
            break;
        case 'close':
            await desk.close();
            break;
        default: // deploy and show: nothing more to send
    }
    script.address('catalog', 'MeasurementCatalog', target);
    await desk.show();
    script.finish();
}

/** Deploys the wallet's catalog, unless it is there already. The delay has no default: it can never be changed. */
async function deploy(script: Script): Promise<Address> {
    const { inputs, provider } = script;
    const delay = await inputs.read(
        'delay',
        'Seconds from the announcement of a measurement until it is trusted, for ever',
        integer(MinDelay, MaxDelay),
    );
    const salt = await inputs.read(
        'salt',
        'Number of the catalog among those of this wallet',
        integer(0n, MaxUint64),
        '0',
    );
    const { address: target, init } = await catalogDeployment(script.wallet, salt, Number(delay));
    const catalog = provider.open(new MeasurementCatalog.MeasurementCatalog(target, init));
    if (await provider.isContractDeployed(target)) {
        script.write('This catalog is there already: the same wallet, salt and delay make the same address.');
    } else {
        const value = 2n * catalogReserve(await script.prices());
        await script.spend('deploy a catalog', target, value, () => catalog.send(provider.sender(), { value }, null));
    }
    return target;
}

async function existing(script: Script): Promise<Address> {
    const target = await script.inputs.read('catalog', 'Address of the catalog', address);
    await script.require(target, 'MeasurementCatalog');
    return target;
}

/** What a curator does. */
class Desk {
    constructor(
        private readonly script: Script,
        private readonly contract: OpenedContract<MeasurementCatalog.MeasurementCatalog>,
    ) {}

    async add(): Promise<void> {
        const catalog = await this.own();
        if (catalog.closed) {
            throw new ScriptError('The catalog is closed for ever: deploy another one, with another salt.');
        }
        const { inputs } = this.script;
        const measurement = await inputs.read('measurement', 'Measurement of the image, hexadecimal', bytes32);
        if (find(catalog, measurement) !== undefined) {
            throw new ScriptError(
                `MEASUREMENT is ${measurement.toString('hex')}: it is listed already. To change its note, remove it ` +
                    'first; its delay then begins anew.',
            );
        }
        if (catalog.measurements.length >= Number(MaxMeasurements)) {
            throw new ScriptError(`The catalog lists ${MaxMeasurements} measurements: remove one first.`);
        }
        const note = await inputs.read('note', 'Where its source is and how to build it, at most 127 bytes', shortText);
        // Whatever the catalog holds, this is enough; what it does not lack to its reserve comes back.
        const value = addMeasurementValue(await this.script.prices(), 0n);
        await this.send('announce a measurement', value, {
            $$type: 'AddMeasurement',
            queryId: 0n,
            measurement: hashToBigInt(measurement),
            note: packNote(note),
        });
    }

    async remove(): Promise<void> {
        const catalog = await this.own();
        const measurement = await this.script.inputs.read('measurement', 'Measurement to strike, hexadecimal', bytes32);
        if (find(catalog, measurement) === undefined) {
            throw new ScriptError(`MEASUREMENT is ${measurement.toString('hex')}: the catalog does not list it.`);
        }
        const { removeMeasurement } = minimumValues(await this.script.prices());
        await this.send('strike a measurement', removeMeasurement, {
            $$type: 'RemoveMeasurement',
            queryId: 0n,
            measurement: hashToBigInt(measurement),
        });
    }

    async withdraw(): Promise<void> {
        await this.own();
        const { withdrawSurplus } = minimumValues(await this.script.prices());
        await this.send('take out the surplus', withdrawSurplus, { $$type: 'WithdrawSurplus', queryId: 0n });
    }

    async close(): Promise<void> {
        await this.own();
        await this.script.inputs.read(
            'final',
            'Closing strikes every measurement and cannot be undone: yes to close for ever',
            oneOf('yes'),
        );
        const { closeCatalog } = minimumValues(await this.script.prices());
        await this.send('close the catalog', closeCatalog, { $$type: 'CloseCatalog', queryId: 0n });
    }

    /** Lists what the catalog holds now. */
    async show(): Promise<void> {
        const { script } = this;
        const catalog = await this.read();
        const now = await chainTime(script.provider);
        const runway = Number(await this.contract.getRunway());
        script.line('curator', script.format(catalog.curator));
        script.line('salt', catalog.salt.toString());
        script.line('delay', `${catalog.delay} seconds`);
        script.line('status', catalog.closed ? 'closed for ever' : 'open');
        script.line('rent reserve', `${showCoins(catalog.reserve)} ${CoinSymbol}`);
        script.line('rent lasts', `${Math.floor(runway / SecondsPerDay).toLocaleString('en-US')} days`);
        script.line('measurements', `${catalog.measurements.length} of ${MaxMeasurements}`);
        const trusted: string[] = [];
        const announced: string[] = [];
        for (const { measurement, effectiveFrom, note } of catalog.measurements) {
            const isTrusted = trusts(catalog, measurement, now);
            (isTrusted ? trusted : announced).push(measurement.toString('hex'));
            const since = new Date(effectiveFrom * 1000).toISOString();
            script.line(isTrusted ? '  trusted since' : '  announced, from', since);
            script.line('', measurement.toString('hex'));
            script.line('', JSON.stringify(note)); // the curator wrote it: nothing in it may move the cursor
        }
        script.value('curator', script.format(catalog.curator));
        script.value('delay', catalog.delay.toString());
        script.value('closed', String(catalog.closed));
        script.value('trusted', trusted.join(','));
        script.value('announced', announced.join(','));
    }

    /** @returns the catalog, whose address proves curator, salt and delay. */
    private async read(): Promise<Catalog> {
        const catalog = unpackCatalog(await this.contract.getCatalogData());
        const { address: derived } = await catalogDeployment(catalog.curator, catalog.salt, catalog.delay);
        if (!derived.equals(this.contract.address)) {
            throw new ScriptError(
                'The address is not that of this curator, salt and delay: do not trust this catalog.',
            );
        }
        return catalog;
    }

    /** As {@link read}, for its curator only. */
    private async own(): Promise<Catalog> {
        const catalog = await this.read();
        this.script.requireWallet(catalog.curator, 'the curator');
        return catalog;
    }

    private async send(what: string, value: bigint, message: Parameters<typeof this.contract.send>[2]): Promise<void> {
        const { script, contract } = this;
        await script.spend(what, contract.address, value, () =>
            contract.send(script.provider.sender(), { value }, message),
        );
    }
}

const find = (catalog: Catalog, measurement: Buffer) =>
    catalog.measurements.find((listed) => listed.measurement.equals(measurement));
